import { existsSync, readFileSync } from 'node:fs'

/** https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
const LOG_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const PAGE_SIZE_AT = 8

/** https://www.sqlite.org/walformat.html#the_wal_index_file_format: how many frames a checkpoint has begun to move. */
const BACKFILL_ATTEMPTED_AT = 128

/**
 * What SQLite itself synced of its write-ahead log, for the model of power failures.
 *
 * Before a checkpoint writes to the database, it syncs the log; and after the log was begun anew, its header is synced
 * before anything follows it. Without these syncs a database would not survive, and they do not go through the seam.
 */
export function syncedBySqlite(path: string, durable: Buffer, current: Buffer): Buffer {
  if (!path.endsWith('-wal') || current.byteLength < LOG_HEADER_BYTES) return durable
  const isSameLog = current.subarray(0, LOG_HEADER_BYTES).equals(durable.subarray(0, LOG_HEADER_BYTES))
  const index = path.replace(/-wal$/, '-shm')
  const frames = existsSync(index) ? readFileSync(index).readUInt32LE(BACKFILL_ATTEMPTED_AT) : 0
  const certain = LOG_HEADER_BYTES + frames * (FRAME_HEADER_BYTES + current.readUInt32BE(PAGE_SIZE_AT))
  if (isSameLog && certain <= durable.byteLength) return durable
  return Buffer.concat([current.subarray(0, certain), durable.subarray(certain)])
}
