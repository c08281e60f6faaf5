import { crc32 } from 'node:zlib'

/** What a process has taken of the quota and given back of it, ever. It only grows. */
export interface LedgerState {
  readonly takenBytes: number
  readonly freedBytes: number
  /** What it has removed, ever: some of that it gave back, and some it wrote anew. May be behind by what it takes at once. */
  readonly removedBytes: number
  /** Its process has ended in good order: what it says is exact. */
  readonly isClosed: boolean
  /** More may be counted than is there, so what is there has to be counted. */
  readonly isRecountDue: boolean
}

/** A ledger is two records of this size, written in turn: if one is torn, the other one still holds. */
export const RECORD_BYTES = 64

const MAGIC = 0x4c4b5343
const CLOSED = 1
const RECOUNT_DUE = 2

/** The bytes of the record with a number. */
export function encodeRecord(number: number, state: LedgerState): Buffer {
  const record = Buffer.alloc(RECORD_BYTES)
  record.writeUInt32LE(MAGIC, 0)
  record.writeUInt32LE((state.isClosed ? CLOSED : 0) | (state.isRecountDue ? RECOUNT_DUE : 0), 4)
  record.writeDoubleLE(number, 8)
  record.writeDoubleLE(state.takenBytes, 16)
  record.writeDoubleLE(state.freedBytes, 24)
  record.writeDoubleLE(state.removedBytes, 32)
  record.writeUInt32LE(crc32(record.subarray(0, RECORD_BYTES - 4)), RECORD_BYTES - 4)
  return record
}

/** Reads a ledger; undefined when neither record is whole. */
export function decodeLedger(bytes: Uint8Array): LedgerState | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let newest: LedgerState | undefined
  let newestNumber = -1
  for (let at = 0; at + RECORD_BYTES <= buffer.byteLength; at += RECORD_BYTES) {
    const record = buffer.subarray(at, at + RECORD_BYTES)
    const number = record.readDoubleLE(8)
    if (record.readUInt32LE(0) !== MAGIC || !(number > newestNumber)) continue
    if (crc32(record.subarray(0, RECORD_BYTES - 4)) !== record.readUInt32LE(RECORD_BYTES - 4)) continue
    const flags = record.readUInt32LE(4)
    newestNumber = number
    newest = {
      takenBytes: record.readDoubleLE(16),
      freedBytes: record.readDoubleLE(24),
      removedBytes: record.readDoubleLE(32),
      isClosed: (flags & CLOSED) !== 0,
      isRecountDue: (flags & RECOUNT_DUE) !== 0,
    }
  }
  return newest
}
