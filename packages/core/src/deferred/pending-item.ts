import type { BlobHeader, EntryHeader } from './journal-record.ts'
import type { JournalLane } from './journal-lane.ts'
import type { LiveRecord } from './live-record.ts'

/** A write that was acknowledged and has yet to reach the fallback. */
export class PendingItem<Header extends BlobHeader | EntryHeader = BlobHeader | EntryHeader> {
  readonly lane: JournalLane
  readonly record: LiveRecord<Header>
  /** Its place in the order of all pending writes. */
  readonly sequence: number
  /** The entries that go to the fallback after it. */
  readonly dependents: Set<PendingItem> = new Set()
  /** The writes that go to the fallback before it. */
  readonly blockers: Set<PendingItem> = new Set()
  /** An older write of the same entry that was on its way when this one came. */
  predecessor: PendingEntry | undefined
  /** How often it was sent in vain. */
  attempts = 0
  /** How many are deciding whether it is still wanted; until then it is not sent. */
  holders = 0
  /** Its content cannot be had any more. */
  isLost = false
  /** It has arrived, or is no longer wanted. */
  isSettled = false
  /** Ends the sending under way; undefined while there is none. */
  sending: AbortController | undefined
  /** Resolves when the sending under way has ended. */
  sent: Promise<void> | undefined

  constructor(lane: JournalLane, record: LiveRecord<Header>, sequence: number) {
    this.lane = lane
    this.record = record
    this.sequence = sequence
  }

  get header(): Header {
    return this.record.header
  }

  /** What it counts for, in bytes: its content and, roughly, what is kept in memory of it. */
  get sizeBytes(): number {
    const { header, location } = this.record
    return header.type === 'blob' ? header.digest.sizeBytes : location.length + memoryBytes(header)
  }
}

/** A blob that has yet to reach the fallback. */
export type PendingBlob = PendingItem<BlobHeader>

/** An action-cache entry that has yet to reach the fallback. */
export type PendingEntry = PendingItem<EntryHeader>

/** Tells the two apart. */
export function isBlob(item: PendingItem): item is PendingBlob {
  return item.header.type === 'blob'
}

/** Tells the two apart. */
export function isEntry(item: PendingItem): item is PendingEntry {
  return item.header.type === 'entry'
}

/** What a pending write takes in memory, in bytes, roughly: its content is on disk. */
export function memoryBytes(header: BlobHeader | EntryHeader): number {
  return header.type === 'blob' ? 1000 : entryMemoryBytes(header)
}

/** The same for an entry that has no header yet. */
export function entryMemoryBytes({ references, metadata }: Pick<EntryHeader, 'references' | 'metadata'>): number {
  let bytes = 1000 + references.length * 200
  for (const [name, value] of Object.entries(metadata)) bytes += 2 * (name.length + value.length)
  return bytes
}
