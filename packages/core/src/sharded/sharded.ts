import type { Backend } from '../backend.ts'
import type { BackendConfig, Provider } from '../provider.ts'
import type { ShardWeights } from './shard-router.ts'
import { ShardedActionCache } from './sharded-action-cache.ts'
import { ShardedStorage } from './sharded-storage.ts'

/** What {@link sharded} combines. */
export interface ShardedOptions extends ShardWeights {
  /** The backends by name. The names decide what belongs where: one that is renamed is a new shard. */
  readonly shards: Readonly<Record<string, Backend>>
}

/** Spreads both halves of a cache over several backends, with the same weights. */
export function sharded({ shards, ...weights }: ShardedOptions): Backend {
  const entries = Object.entries(shards)
  const storages = Object.fromEntries(entries.map(([name, { storage }]) => [name, storage]))
  const actionCaches = Object.fromEntries(entries.map(([name, { actionCache }]) => [name, actionCache]))
  return {
    storage: new ShardedStorage({ shards: storages, ...weights }),
    actionCache: new ShardedActionCache({ shards: actionCaches, ...weights }),
  }
}

/** The options of `type: sharded` in a configuration. */
export interface ShardedConfig extends ShardWeights {
  readonly shards: Readonly<Record<string, BackendConfig>>
}

/** Makes a sharded backend of a configuration. */
export const shardedProvider: Provider<ShardedConfig> = {
  type: 'sharded',
  schema: {
    type: 'object',
    required: ['shards'],
    properties: {
      shards: {
        type: 'object',
        format: 'backends',
        description: 'The backends by name; the names decide what is where',
      },
      weights: {
        type: 'object',
        additionalProperties: { type: 'number', minimum: 0 },
        description: "Each shard's share, by name; 1 for those not named, 0 for one that takes nothing new",
      },
      previousWeights: {
        type: 'object',
        additionalProperties: { type: 'number', minimum: 0 },
        description:
          'The weights before the last change, while blobs may be where those put them; 0 for those not named',
      },
    },
  },
  async create({ shards, ...weights }, { build }) {
    const backends: [string, Backend][] = []
    for (const [name, config] of Object.entries(shards)) backends.push([name, await build(config)])
    return sharded({ shards: Object.fromEntries(backends), ...weights })
  },
  sharingProblem: () => undefined,
}
