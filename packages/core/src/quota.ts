import type { OptionSchema } from './provider.ts'
import { StorageError } from './storage-error.ts'
import { reportEvent } from './storage-events.ts'

/** How much a storage may hold, and what it lets go of to stay within that. */
export interface QuotaOptions {
  /** What it may hold in all, in bytes, content on its way in or out included. */
  readonly maxBytes?: number | undefined
  /** The share of `maxBytes`, from 0 to 1, above which the least recently used goes. */
  readonly highWatermark?: number | undefined
  /** The share of `maxBytes`, from 0 to `highWatermark`, down to which it then goes. */
  readonly lowWatermark?: number | undefined
  /**
   * What was read, written or found within so many milliseconds is not evicted. Where that leaves no room, writes are
   * refused with `no-space`. Default: 0.
   */
  readonly leaseMs?: number | undefined
}

/** What {@link QuotaOptions} come to. */
export interface Quota {
  readonly maxBytes: number
  /** Above so many bytes eviction begins. */
  readonly highBytes: number
  /** At so many bytes it ends. */
  readonly lowBytes: number
  readonly leaseMs: number
}

/** What applies when nobody says otherwise. */
export interface QuotaDefaults {
  readonly maxBytes: number
  readonly highWatermark: number
  readonly lowWatermark: number
}

/**
 * Completes the options of a quota. `storageType` begins the messages of errors.
 *
 * @throws StorageError `invalid-argument` for a quota that makes no sense.
 */
export function resolveQuota(storageType: string, options: QuotaOptions, defaults: QuotaDefaults): Quota {
  const { maxBytes = defaults.maxBytes, leaseMs = 0 } = options
  const { highWatermark = Math.max(defaults.highWatermark, options.lowWatermark ?? 0) } = options
  const { lowWatermark = Math.min(defaults.lowWatermark, highWatermark) } = options
  const check = (isRight: boolean, message: string): void => {
    if (!isRight) throw new StorageError('invalid-argument', `${storageType}: ${message}`)
  }
  check(maxBytes >= 0, `maxBytes must be a number of bytes, and is ${maxBytes}`)
  check(highWatermark > 0 && highWatermark <= 1, `highWatermark must be above 0 and at most 1, and is ${highWatermark}`)
  check(
    lowWatermark > 0 && lowWatermark <= highWatermark,
    `lowWatermark must be above 0 and at most highWatermark (${highWatermark}), and is ${lowWatermark}`,
  )
  check(leaseMs >= 0, `leaseMs must be a number of milliseconds, and is ${leaseMs}`)
  return { maxBytes, highBytes: maxBytes * highWatermark, lowBytes: maxBytes * lowWatermark, leaseMs }
}

/** The schema of the options of a quota, for providers. */
export function quotaSchema({ maxBytes, highWatermark, lowWatermark }: QuotaDefaults): Record<string, OptionSchema> {
  return {
    maxBytes: {
      type: 'number',
      format: 'bytes',
      minimum: 0,
      default: maxBytes,
      description: 'What it may hold in all, overhead and content on its way in or out included',
    },
    highWatermark: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: highWatermark,
      description: 'The share of maxBytes above which the least recently used goes',
    },
    lowWatermark: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: lowWatermark,
      description: 'The share of maxBytes down to which it then goes',
    },
    leaseMs: {
      type: 'number',
      format: 'duration-ms',
      minimum: 0,
      default: 0,
      description: 'What was used within this time is not evicted; writes without room are then refused',
    },
  }
}

/**
 * Tells whether something that was used so long ago stays. A use that is further ahead of the clock than a lease was noted
 * before the clock was set back, and is no measure of anything: else it would stay until the clock is there again.
 */
export function isWithinLease(age: number, lease: number): boolean {
  return age < lease && age > -lease
}

/**
 * How long ago the recorded last use of something must be that may go, in microseconds: the lease, and by how much a recorded
 * use may be older than the last one.
 */
export function recordedLeaseUs({ leaseMs }: Quota, lateMs: number): number {
  return leaseMs === 0 ? 0 : (leaseMs + lateMs) * 1000
}

/**
 * Makes the error for a write that has no room because everything was used within the lease, and reports the event
 * `lease-refusal`.
 */
export function leaseRefusal(storageType: string, { maxBytes, leaseMs }: Quota): StorageError {
  const message =
    `${storageType}: the quota of ${maxBytes} bytes is full of what was used within the last ${leaseMs} ms (leaseMs); ` +
    'raise maxBytes or lower leaseMs'
  const error = new StorageError('no-space', message)
  reportEvent({ kind: 'lease-refusal', storageType, operation: 'commitWrite', error })
  return error
}
