import { resolve } from 'node:path'
import type { Backend, Provider } from '@caskade/core'
import { quotaSchema } from '@caskade/core'
import { FsActionCache } from './fs-action-cache.ts'
import type { FsOptions } from './fs-options.ts'
import { DEFAULT_ACCESS_GRANULARITY_MS, QUOTA_DEFAULTS } from './fs-options.ts'
import { FsStorage } from './fs-storage.ts'
import { FsStore } from './fs-store.ts'

/** Makes both halves of a backend in one folder, which share one quota and one order of eviction. */
export function fsBackend(options: FsOptions): Backend {
  const store = new FsStore(options)
  return { storage: new FsStorage(options, store), actionCache: new FsActionCache(options, store) }
}

/** The options of `type: fs` in a configuration. */
export type FsConfig = Omit<FsOptions, 'now' | 'files'>

/** Makes a backend of plain files of a configuration. */
export const provider: Provider<FsConfig> = {
  type: 'fs',
  schema: {
    type: 'object',
    required: ['path'],
    properties: {
      path: { type: 'string', format: 'path', description: 'The folder that holds the files' },
      ...quotaSchema(QUOTA_DEFAULTS),
      accessGranularityMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 0,
        default: DEFAULT_ACCESS_GRANULARITY_MS,
        description: 'A use is recorded only when the last recorded one is older than this',
      },
    },
  },
  create: (config, { baseDirectory }) => fsBackend({ ...config, path: resolve(baseDirectory, config.path) }),
  sharingProblem: () => undefined,
}
