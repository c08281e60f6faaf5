import type { BlobHeader, EntryHeader } from './journal-record.ts'
import type { RecordLocation } from './journal-segment.ts'

/** A record that is needed until it is settled. */
export interface LiveRecord<Header extends BlobHeader | EntryHeader = BlobHeader | EntryHeader> {
  readonly header: Header
  /** Where it is now; it may move. */
  location: RecordLocation
  /** What follows the header, if it is still in memory. */
  content?: Uint8Array | undefined
}
