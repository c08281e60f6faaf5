import { MAX_TIMER_MS, StorageError } from '@caskade/core'
import type { GcsBucket } from './gcs-bucket.ts'

/** How a backend in Google Cloud Storage behaves. */
export interface GcsOptions {
  /** The bucket, as `new Storage(...).bucket(name)` of `@google-cloud/storage` makes it. */
  readonly bucket: GcsBucket
  /** Stands before the name of every object, such as `team/`. Default: nothing. */
  readonly prefix?: string | undefined
  /**
   * What was read, written or found within so many milliseconds is not removed, provided that the bucket has the
   * lifecycle rule for it: see the README. Default: 4 hours.
   */
  readonly leaseMs?: number | undefined
  /**
   * For how long a blob that was seen is taken to be there without asking again, in milliseconds; at most half of
   * `leaseMs`. 0 asks every time. Default: 5 minutes.
   */
  readonly existenceCacheMs?: number | undefined
  /** How many blobs are remembered to be there, 28 bytes each. Default: 262,144. */
  readonly existenceCacheEntries?: number | undefined
  /** How many requests are under way at once; further ones wait. Default: 256. */
  readonly maxConnections?: number | undefined
  /** After so many milliseconds without progress, while it is the service's turn, a request has failed. Default: 30,000. */
  readonly idleTimeoutMs?: number | undefined
  /** How often a failed request is repeated at most. Default: 6. */
  readonly maxRetries?: number | undefined
  /** How long a request is repeated at most, in milliseconds. Default: 60,000. */
  readonly maxRetryMs?: number | undefined
  /** The longest wait before the first repetition, in milliseconds; it doubles each time. Default: 200. */
  readonly retryBaseMs?: number | undefined
  /** Blobs above this many bytes are uploaded in chunks, so that a broken upload goes on where it was. Default: 32 MiB. */
  readonly maxSingleUploadBytes?: number | undefined
  /** The size of these chunks in bytes: a multiple of 256 KiB. Default: 16 MiB. */
  readonly uploadChunkBytes?: number | undefined
  /** The present time in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined
  /** A random number from 0 up to 1, which spreads repetitions. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Waits before a repetition; rejects with the signal's reason. Default: a timer. */
  readonly wait?: ((delayMs: number, signal: AbortSignal | undefined) => Promise<void>) | undefined
}

type NumberOption = Exclude<keyof GcsOptions, 'bucket' | 'prefix' | 'now' | 'random' | 'wait'>

/** What applies when nobody says otherwise. */
export const DEFAULTS: Readonly<Record<NumberOption, number>> = {
  leaseMs: 4 * 3_600_000,
  existenceCacheMs: 5 * 60_000,
  existenceCacheEntries: 262_144,
  maxConnections: 256,
  idleTimeoutMs: 30_000,
  maxRetries: 6,
  maxRetryMs: 60_000,
  retryBaseMs: 200,
  maxSingleUploadBytes: 32 * 1024 * 1024,
  uploadChunkBytes: 16 * 1024 * 1024,
}

/** The service takes chunks of a multiple of so many bytes. */
const CHUNK_UNIT_BYTES = 256 * 1024

/** {@link GcsOptions} with every gap filled. */
export type GcsSettings = { readonly [Name in keyof GcsOptions]-?: Exclude<GcsOptions[Name], undefined> }

/**
 * Completes the options.
 *
 * @throws StorageError `invalid-argument` for values that make no sense.
 */
export function resolveOptions(options: GcsOptions): GcsSettings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const leaseMs = options.leaseMs ?? DEFAULTS.leaseMs
  const settings: GcsSettings = {
    ...DEFAULTS,
    prefix: '',
    now: Date.now,
    random: Math.random,
    wait: waitFor,
    existenceCacheMs: Math.min(DEFAULTS.existenceCacheMs, leaseMs / 2),
    ...(given as unknown as Pick<GcsSettings, 'bucket'>),
  }
  check(typeof settings.bucket?.name === 'string' && settings.bucket.name !== '', 'bucket must be a bucket with a name')
  check(isPrefix(settings.prefix), `prefix ${JSON.stringify(settings.prefix)} cannot begin the names of objects`)
  check(leaseMs >= 0 && Number.isFinite(leaseMs), `leaseMs must be a number of milliseconds, and is ${leaseMs}`)
  const { existenceCacheMs } = settings
  check(
    existenceCacheMs >= 0 && existenceCacheMs <= leaseMs / 2,
    `existenceCacheMs must be from 0 to half of leaseMs (${leaseMs / 2}), and is ${existenceCacheMs}`,
  )
  for (const name of ['existenceCacheEntries', 'maxRetries', 'maxSingleUploadBytes'] as const) {
    const value = settings[name]
    check(Number.isSafeInteger(value) && value >= 0, `${name} must be an integer from 0, and is ${value}`)
  }
  const { maxConnections, uploadChunkBytes } = settings
  check(Number.isSafeInteger(maxConnections) && maxConnections > 0, `maxConnections must be from 1: ${maxConnections}`)
  check(
    uploadChunkBytes > 0 && uploadChunkBytes % CHUNK_UNIT_BYTES === 0,
    `uploadChunkBytes must be a multiple of ${CHUNK_UNIT_BYTES}, and is ${uploadChunkBytes}`,
  )
  for (const name of ['idleTimeoutMs', 'maxRetryMs', 'retryBaseMs'] as const) {
    const value = settings[name]
    check(value > 0 && value <= MAX_TIMER_MS, `${name} must be from 1 to ${MAX_TIMER_MS}, and is ${value}`)
  }
  return settings
}

function isPrefix(prefix: string): boolean {
  return /^[^\n\r\0]{0,200}$/.test(prefix) && !prefix.startsWith('.well-known/acme-challenge/') && prefix.isWellFormed()
}

function check(isRight: boolean, message: string): void {
  if (!isRight) throw new StorageError('invalid-argument', `Gcs: ${message}`)
}

async function waitFor(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => reject(signal?.reason)
  const timer = setTimeout(resolve, delayMs)
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
