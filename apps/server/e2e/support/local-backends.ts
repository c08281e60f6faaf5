import type { Backend, QuotaOptions } from '@caskade/core'

/** What the backends that keep everything in one folder have in common. */
export interface LocalBackendOptions extends QuotaOptions {
  readonly path: string
  readonly accessGranularityMs?: number | undefined
}

/** The backends that keep everything in one folder, by name; a program loads only the one that it wants. */
export const localBackends: Readonly<Record<string, (options: LocalBackendOptions) => Promise<Backend>>> = {
  fs: async (options) => (await import('@caskade/fs')).fsBackend(options),
  sqlite: async (options) => (await import('@caskade/sqlite')).sqliteBackend(options),
}

/** Makes one of them. */
export async function localBackend(name: string, options: LocalBackendOptions): Promise<Backend> {
  const make = localBackends[name]
  if (make === undefined) throw new Error(`there is no backend ${name}`)
  return make(options)
}
