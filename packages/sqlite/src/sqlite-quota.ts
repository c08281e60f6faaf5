import type { Quota, QuotaDefaults, QuotaOptions } from '@caskade/core'
import { resolveQuota, StorageError } from '@caskade/core'

/** The quota when nobody says otherwise. */
export const QUOTA_DEFAULTS: QuotaDefaults = { maxBytes: 10 * 1024 ** 3, highWatermark: 0.98, lowWatermark: 0.96 }

/** What the database takes that holds nothing, and its tables when one large blob is all there is. */
const EMPTY_DATABASE_BYTES = 32 * 4096

const MIN_BYTES = 256 * 1024

const MIB = 1024 * 1024

/** The part of the quota that is kept for the write-ahead log. */
const LOG_SHARE = 1 / 16
const MAX_LOG_BYTES = 64 * MIB

/** How long the write-ahead log may get. */
export interface LogLimits {
  /** How many bytes are committed before a checkpoint begins. */
  readonly checkpointBytes: number
  /** How much may be committed while a checkpoint runs before writing waits for it, in bytes. */
  readonly maxWaitingBytes: number
  /** How long the log may be before writing waits until all of it is worked off, in bytes. */
  readonly maxLogBytes: number
}

/** A quota of which a part is kept for the write-ahead log; the watermarks are those of the rest. */
export interface SqliteQuota extends Quota {
  /** What the database and the files may take: all but the log. */
  readonly contentBytes: number
  /** The most that one blob or entry may count for. */
  readonly largestBytes: number
  readonly log: LogLimits
}

/**
 * Completes the options of a quota.
 *
 * @throws StorageError `invalid-argument` for one that makes no sense, or in which there is no room for a database.
 */
export function sqliteQuota(options: QuotaOptions): SqliteQuota {
  const quota = resolveQuota('Sqlite', options, QUOTA_DEFAULTS)
  if (quota.maxBytes < MIN_BYTES) {
    const message = `Sqlite: maxBytes must be at least ${MIN_BYTES}, which a database takes, and is ${quota.maxBytes}`
    throw new StorageError('invalid-argument', message)
  }
  const logBytes = Math.min(MAX_LOG_BYTES, quota.maxBytes * LOG_SHARE)
  const share = 1 - logBytes / quota.maxBytes
  return {
    ...quota,
    contentBytes: quota.maxBytes * share,
    largestBytes: quota.maxBytes * share - EMPTY_DATABASE_BYTES,
    highBytes: quota.highBytes * share,
    lowBytes: quota.lowBytes * share,
    log: {
      checkpointBytes: Math.max(MIB, Math.min(4 * MIB, logBytes / 16)),
      maxWaitingBytes: Math.max(MIB, Math.min(8 * MIB, logBytes / 8)),
      maxLogBytes: Math.max(MIB, Math.min(8 * MIB, logBytes / 8)),
    },
  }
}
