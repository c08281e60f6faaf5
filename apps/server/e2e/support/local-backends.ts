import type { Backend, QuotaOptions } from '@caskade/core'
import { fsBackend } from '@caskade/fs'
import { sqliteBackend } from '@caskade/sqlite'

/** What the backends that keep everything in one folder have in common. */
export interface LocalBackendOptions extends QuotaOptions {
  readonly path: string
  readonly accessGranularityMs?: number | undefined
}

/** The backends that keep everything in one folder, by name. */
export const localBackends: ReadonlyMap<string, (options: LocalBackendOptions) => Backend> = new Map([
  ['fs', fsBackend],
  ['sqlite', sqliteBackend],
])

/** Makes one of them. */
export function localBackend(name: string, options: LocalBackendOptions): Backend {
  const make = localBackends.get(name)
  if (make === undefined) throw new Error(`there is no backend ${name}`)
  return make(options)
}
