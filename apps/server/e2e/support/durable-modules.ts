import { join } from 'node:path'
import type { Digest } from '@caskade/core'
import { fsLeftovers, journalLeftovers, storeLeftovers } from './store-leftovers.ts'

/** A backend whose durability is checked. */
export interface DurableModule {
  readonly name: string
  /** The module that exports `open(directory)`. */
  readonly module: URL
  /** Names what should not be there when it is closed. */
  readonly leftovers: (directory: string, digests: readonly Digest[]) => string[]
}

export const durableModules: readonly DurableModule[] = [
  { name: 'Fs', module: new URL('fs.module.ts', import.meta.url), leftovers: fsLeftovers },
  { name: 'Sqlite', module: new URL('sqlite.module.ts', import.meta.url), leftovers: storeLeftovers },
  {
    name: 'WithCache(Memory, Sqlite)',
    module: new URL('with-cache.module.ts', import.meta.url),
    leftovers: storeLeftovers,
  },
  {
    name: 'WithCache(Memory, Sqlite, deferred)',
    module: new URL('deferring.module.ts', import.meta.url),
    leftovers: (directory, digests) => [
      ...storeLeftovers(join(directory, 'store'), digests),
      ...journalLeftovers(join(directory, 'journal')),
    ],
  },
]
