import type { Backend, Provider } from '@caskade/core'
import { quotaSchema } from '@caskade/core'
import { LruTable } from './lru-table.ts'
import { MemoryActionCache } from './memory-action-cache.ts'
import type { MemoryItem } from './memory-item.ts'
import type { MemoryOptions } from './memory-options.ts'
import { QUOTA_DEFAULTS } from './memory-options.ts'
import { MemoryStorage } from './memory-storage.ts'

/** Makes both halves of a backend in memory, which share one quota and one order of eviction. */
export function memoryBackend(options: MemoryOptions = {}): Backend {
  const table = new LruTable<MemoryItem>(options)
  return { storage: new MemoryStorage(options, table), actionCache: new MemoryActionCache(options, table) }
}

/** Makes a memory backend of a configuration. */
export const provider: Provider<Omit<MemoryOptions, 'now'>> = {
  type: 'memory',
  schema: {
    type: 'object',
    properties: {
      ...quotaSchema(QUOTA_DEFAULTS),
      maxBlobBytes: {
        type: 'number',
        format: 'bytes',
        minimum: 0,
        description: 'The largest blob it accepts; by default maxBytes',
      },
    },
  },
  create({ maxBytes = QUOTA_DEFAULTS.maxBytes, ...options }, { processes = 1 }) {
    return memoryBackend({ ...options, maxBytes: Math.floor(maxBytes / processes) })
  },
  sharingProblem: () => 'what it holds is in the memory of one process',
}
