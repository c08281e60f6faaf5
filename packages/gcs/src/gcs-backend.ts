import { resolve } from 'node:path'
import type { Backend, Provider } from '@caskade/core'
import type { StorageOptions } from '@google-cloud/storage'
import { Storage } from '@google-cloud/storage'
import { GcsActionCache } from './gcs-action-cache.ts'
import type { GcsOptions } from './gcs-options.ts'
import { DEFAULTS } from './gcs-options.ts'
import { GcsStorage } from './gcs-storage.ts'
import { GcsStore } from './gcs-store.ts'

/** Makes both halves of a backend in one bucket, which share their connections. */
export function gcsBackend(options: GcsOptions): Backend {
  const store = new GcsStore(options)
  return { storage: new GcsStorage(options, store), actionCache: new GcsActionCache(options, store) }
}

/** The options of `type: gcs` in a configuration. */
export interface GcsConfig extends Omit<GcsOptions, 'bucket' | 'now' | 'random' | 'wait' | 'existenceCacheEntries'> {
  /** The name of the bucket. */
  readonly bucket: string
  readonly projectId?: string | undefined
  /** The file with the credentials. Default: the application default credentials. */
  readonly keyFilename?: string | undefined
  readonly apiEndpoint?: string | undefined
  readonly useAuthWithCustomEndpoint?: boolean | undefined
  readonly userProject?: string | undefined
}

/** Makes a backend in Google Cloud Storage of a configuration. */
export const provider: Provider<GcsConfig> = {
  type: 'gcs',
  schema: {
    type: 'object',
    required: ['bucket'],
    properties: {
      bucket: { type: 'string', description: 'The name of the bucket' },
      prefix: { type: 'string', default: '', description: 'Stands before the name of every object' },
      projectId: { type: 'string', description: 'The project; found in the environment by default' },
      keyFilename: {
        type: 'string',
        format: 'path',
        description: 'The file with the credentials; the application default credentials by default',
      },
      apiEndpoint: { type: 'string', description: 'Where the service is; for emulators and private endpoints' },
      useAuthWithCustomEndpoint: {
        type: 'boolean',
        default: false,
        description: 'Sends credentials to an apiEndpoint that is not that of Google',
      },
      userProject: { type: 'string', description: 'The project that pays, where the bucket wants whoever asks to' },
      leaseMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 0,
        default: DEFAULTS.leaseMs,
        description: 'What was used within this time is kept, given the lifecycle rule for it',
      },
      existenceCacheMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 0,
        description: 'For how long a blob that was seen is taken to be there; at most half of leaseMs',
      },
      maxConnections: {
        type: 'integer',
        minimum: 1,
        default: DEFAULTS.maxConnections,
        description: 'How many requests are under way at once',
      },
      idleTimeoutMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 1,
        default: DEFAULTS.idleTimeoutMs,
        description: 'After so long without progress a request has failed',
      },
      maxRetries: {
        type: 'integer',
        minimum: 0,
        default: DEFAULTS.maxRetries,
        description: 'How often a failed request is repeated at most',
      },
      maxRetryMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 1,
        default: DEFAULTS.maxRetryMs,
        description: 'How long a failed request is repeated at most',
      },
      retryBaseMs: {
        type: 'number',
        format: 'duration-ms',
        minimum: 1,
        default: DEFAULTS.retryBaseMs,
        description: 'The longest wait before the first repetition',
      },
      maxSingleUploadBytes: {
        type: 'integer',
        format: 'bytes',
        minimum: 0,
        default: DEFAULTS.maxSingleUploadBytes,
        description: 'Larger blobs are uploaded in chunks, so that a broken upload goes on where it was',
      },
      uploadChunkBytes: {
        type: 'integer',
        format: 'bytes',
        minimum: 1,
        default: DEFAULTS.uploadChunkBytes,
        description: 'The size of these chunks, a multiple of 256 KiB',
      },
    },
  },
  create({ bucket, maxConnections = DEFAULTS.maxConnections, ...config }, { baseDirectory, processes = 1 }) {
    const { projectId, keyFilename, apiEndpoint, useAuthWithCustomEndpoint, userProject, ...options } = config
    const storageOptions: StorageOptions = {
      ...(projectId !== undefined && { projectId }),
      ...(keyFilename !== undefined && { keyFilename: resolve(baseDirectory, keyFilename) }),
      ...(apiEndpoint !== undefined && { apiEndpoint }),
      ...(useAuthWithCustomEndpoint !== undefined && { useAuthWithCustomEndpoint }),
    }
    const bucketOptions = userProject === undefined ? {} : { userProject }
    return gcsBackend({
      ...options,
      maxConnections: Math.ceil(maxConnections / processes),
      bucket: new Storage(storageOptions).bucket(bucket, bucketOptions),
    })
  },
  sharingProblem: () => undefined,
}
