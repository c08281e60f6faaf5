import { resolve } from 'node:path'
import type { Backend, Provider } from '@caskade/core'
import { quotaSchema } from '@caskade/core'
import { SqliteActionCache } from './sqlite-action-cache.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { DEFAULT_ACCESS_GRANULARITY_MS, DEFAULT_MAX_ROW_BYTES } from './sqlite-options.ts'
import { QUOTA_DEFAULTS } from './sqlite-quota.ts'
import { SqliteStorage } from './sqlite-storage.ts'
import { SqliteStore } from './sqlite-store.ts'

/** Makes both halves of a backend in one folder, which share one database, one quota and one order of eviction. */
export function sqliteBackend(options: SqliteOptions): Backend {
  const store = new SqliteStore(options)
  return { storage: new SqliteStorage(options, store), actionCache: new SqliteActionCache(options, store) }
}

/** The options of `type: sqlite` in a configuration. */
export type SqliteConfig = Omit<SqliteOptions, 'now' | 'files'>

/** Makes a SQLite backend of a configuration. */
export const provider: Provider<SqliteConfig> = {
  type: 'sqlite',
  schema: {
    type: 'object',
    required: ['path'],
    properties: {
      path: {
        type: 'string',
        format: 'path',
        description: 'The folder that holds the database and the files beside it',
      },
      ...quotaSchema(QUOTA_DEFAULTS),
      maxRowBytes: {
        type: 'number',
        format: 'bytes',
        minimum: 0,
        default: DEFAULT_MAX_ROW_BYTES,
        description: 'Blobs up to this size are rows of the database, larger ones are files',
      },
      accessGranularityMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 0,
        default: DEFAULT_ACCESS_GRANULARITY_MS,
        description: 'A use is recorded only when the last recorded one is older than this',
      },
    },
  },
  create: (config, { baseDirectory }) => sqliteBackend({ ...config, path: resolve(baseDirectory, config.path) }),
  sharingProblem: () => undefined,
}
