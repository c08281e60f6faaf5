import type { Backend } from '../backend.ts'
import type { BackendConfig, Provider } from '../provider.ts'
import type { SizePartitionedTuning } from './size-partitioned-storage.ts'
import { DEFAULT_MAX_SMALL_BYTES, SizePartitionedStorage } from './size-partitioned-storage.ts'

/** What {@link sizePartitioned} combines. */
export interface SizePartitionedOptions extends SizePartitionedTuning {
  /** Keeps the blobs of up to `maxSmallBytes`, and the action cache. */
  readonly small: Backend
  /** Keeps all other blobs; its action cache is not used. */
  readonly large: Backend
}

/** Keeps small blobs in one backend and large ones in another. Entries of the action cache are small. */
export function sizePartitioned({ small, large, ...tuning }: SizePartitionedOptions): Backend {
  return {
    storage: new SizePartitionedStorage({ small: small.storage, large: large.storage, ...tuning }),
    actionCache: small.actionCache,
  }
}

/** The options of `type: size-partitioned` in a configuration. */
export interface SizePartitionedConfig extends SizePartitionedTuning {
  readonly small: BackendConfig
  readonly large: BackendConfig
}

/** Makes a size-partitioned backend of a configuration. */
export const sizePartitionedProvider: Provider<SizePartitionedConfig> = {
  type: 'size-partitioned',
  schema: {
    type: 'object',
    required: ['small', 'large'],
    properties: {
      small: { type: 'object', format: 'backend', description: 'The backend of small blobs, and of the action cache' },
      large: { type: 'object', format: 'backend', description: 'The backend of all other blobs' },
      maxSmallBytes: {
        type: 'number',
        format: 'bytes',
        minimum: 0,
        default: DEFAULT_MAX_SMALL_BYTES,
        description: 'The largest blob that is small',
      },
    },
  },
  async create({ small, large, ...tuning }, { build }) {
    return sizePartitioned({ ...tuning, small: await build(small), large: await build(large) })
  },
  sharingProblem: () => undefined,
}
