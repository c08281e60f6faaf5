import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { FileOperations } from '../files/file-operations.ts'
import { SyncGroup } from '../files/sync-group.ts'
import { unlinkIfThere } from '../files/unlink-if-there.ts'
import { StorageError } from '../storage-error.ts'
import { reportEvent } from '../storage-events.ts'
import type { Waiting } from './flush-queue.ts'
import { FlushQueue } from './flush-queue.ts'
import { JournalError } from './journal-error.ts'
import type { BlobHeader, EntryHeader } from './journal-record.ts'
import type { NewRecord, RecordLocation } from './journal-segment.ts'
import { JournalSegment } from './journal-segment.ts'
import type { LiveRecord } from './live-record.ts'

/** A new segment is begun when one is longer than this, in bytes. */
const SEGMENT_BYTES = 16 * 1024 * 1024

/** Records still needed are moved out of the oldest segment when all segments together are longer than this, in bytes, and mostly not needed. */
const COMPACT_ABOVE_BYTES = 4 * SEGMENT_BYTES

/** How many records are moved with one sync: at most 4 MiB of content, since longer contents are files. */
const COMPACT_BATCH = 64

/** How much content of records is kept in memory, so that what arrives soon is not read again, in bytes. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024

/** A record of a write. */
interface WriteRecord extends NewRecord {
  readonly header: BlobHeader | EntryHeader
}

/**
 * A journal: a folder with segments of records, and files for contents too long for a record.
 *
 * What is appended is on disk before it is acknowledged, one sync serving all that wait. A lane has one owner at a time.
 */
export class JournalLane {
  readonly directory: string
  readonly #files: FileOperations
  readonly #segments: JournalSegment[] = []
  readonly #live = new Map<number, LiveRecord>()
  readonly #names: SyncGroup
  readonly #queue: FlushQueue<WriteRecord, RecordLocation>
  /** Settled, and not yet on disk as such. */
  readonly #unsettled = new Map<number, BlobHeader | EntryHeader>()
  #mustRotate = false
  #keptBytes = 0
  #lastNumber = 0
  #nextId = 1

  private constructor(directory: string, files: FileOperations) {
    this.directory = directory
    this.#files = files
    this.#names = new SyncGroup(() => files.syncDirectory(directory))
    this.#queue = new FlushQueue((waiting) => this.#flush(waiting))
  }

  /** Begins a lane under a folder, in which its name is on disk when it resolves. */
  static async create(parent: string, files: FileOperations): Promise<JournalLane> {
    const lane = new JournalLane(join(parent, randomUUID()), files)
    await files.createDirectory(lane.directory)
    await files.syncDirectory(parent)
    await lane.#activeSegment()
    return lane
  }

  /** Opens a lane that another process left, and removes what it had not finished. */
  static async open(directory: string, files: FileOperations): Promise<JournalLane> {
    const lane = new JournalLane(directory, files)
    try {
      await lane.#replay()
      return lane
    } catch (error) {
      await lane.close()
      throw error
    }
  }

  /** What is not settled, in the order in which it was accepted. */
  get live(): readonly LiveRecord[] {
    return [...this.#live.values()].toSorted((left, right) => left.header.id - right.header.id)
  }

  get isEmpty(): boolean {
    return this.#live.size === 0
  }

  /** A number for the next record. */
  takeId(): number {
    return this.#nextId++
  }

  /** The file for the content of a record that is too long to be part of it. */
  contentPath(id: number): string {
    return join(this.directory, `${id}.content`)
  }

  /** Waits until the names of content files are on disk. */
  syncNames(): Promise<void> {
    return this.#names.request()
  }

  /**
   * Appends a record, whose content must not change afterwards; it is on disk when it resolves.
   *
   * @throws JournalError when that cannot be.
   */
  async append<Header extends BlobHeader | EntryHeader>(
    header: Header,
    content?: Uint8Array,
  ): Promise<LiveRecord<Header>> {
    const location = (await JournalError.wrap(this.#queue.request({ header, content }))) as RecordLocation
    const record: LiveRecord<Header> = { header, location }
    if (content !== undefined && this.#keptBytes + content.byteLength <= MAX_KEPT_BYTES) {
      this.#keptBytes += content.byteLength
      record.content = content
    }
    this.#live.set(header.id, record)
    return record
  }

  /**
   * Reads what follows the header of a record.
   *
   * @throws StorageError `corrupt` when it is not what was written.
   */
  async readContent(record: LiveRecord): Promise<Uint8Array> {
    if (record.content !== undefined) return record.content
    for (;;) {
      const { location } = record
      const bytes = await location.segment.read(location.offset, location.length).catch((error: unknown) => {
        // It may have moved meanwhile.
        if (record.location === location) throw error
      })
      if (bytes === undefined) continue
      if (bytes.byteLength === location.length && crc32(bytes) === location.checksum) return bytes
      throw new StorageError('corrupt', `WithCache: the journal ${location.segment.path} is damaged`)
    }
  }

  /** Declares a record no longer needed. Once it resolves, a crash does not bring it back. */
  async settle({ header }: LiveRecord): Promise<void> {
    const record = this.#live.get(header.id)
    if (record === undefined) return
    this.#live.delete(header.id)
    record.location.segment.liveRecords -= 1
    this.#keptBytes -= record.content?.byteLength ?? 0
    record.content = undefined
    this.#unsettled.set(header.id, header)
    const settled = this.#queue.request()
    const removed = header.type === 'blob' && header.isFile ? this.#removeContent(header.id) : undefined
    await Promise.all([settled, removed])
  }

  /** Waits until what was settled before is on disk as such, as far as somebody is concerned with it. */
  async flushSettled(isConcerned: (header: BlobHeader | EntryHeader) => boolean): Promise<void> {
    const isLeft = [...this.#unsettled.values()].some(isConcerned)
    if (isLeft) await JournalError.wrap(this.#queue.request())
  }

  /** Closes its files. What is live stays for the next owner. */
  async close(): Promise<void> {
    await this.flushSettled(() => true).catch(() => undefined)
    await this.#queue.idle()
    for (const segment of this.#segments) await segment.close()
  }

  /** Closes an empty lane and removes its folder. */
  async remove(): Promise<void> {
    await this.close()
    // Something may have been accepted while it was being closed.
    if (this.isEmpty) await this.#files.removeDirectory(this.directory)
  }

  async #flush(waiting: readonly Waiting<WriteRecord, RecordLocation>[]): Promise<void> {
    await this.#appendAll(waiting)
    // Tried again by the next flush.
    await this.#removeSettledSegments().catch((error: unknown) => {
      this.#mustRotate = true
      reportEvent({ kind: 'cleanup-failure', storageType: 'WithCache', operation: 'journal', error })
    })
  }

  async #appendAll(waiting: readonly Waiting<WriteRecord, RecordLocation>[]): Promise<void> {
    const ids = [...this.#unsettled.keys()]
    const done: NewRecord[] = ids.length > 0 ? [{ header: { type: 'done', ids } }] : []
    const records = waiting.flatMap(({ item }) => item ?? [])
    let segment: JournalSegment | undefined
    try {
      const locations: RecordLocation[] = []
      if (done.length + records.length > 0) {
        segment = await this.#activeSegment()
        locations.push(...(await segment.append([...done, ...records])).slice(done.length))
        segment.liveRecords += records.length
      }
      for (const id of ids) this.#unsettled.delete(id)
      for (const { item, resolve } of waiting) resolve(item && locations.shift())
    } catch (error) {
      // What a failed write or sync left at the end of the segment is unknown, so nothing may follow it.
      this.#mustRotate = true
      // It may be there all the same, and must not be replayed, because it is reported as failed.
      if (segment !== undefined) for (const { header } of records) this.#unsettled.set(header.id, header)
      for (const { reject } of waiting) reject(error)
    }
  }

  async #activeSegment(): Promise<JournalSegment> {
    const active = this.#segments.at(-1)
    if (active !== undefined && !this.#mustRotate && active.sizeBytes < SEGMENT_BYTES) return active
    // A number is used once: of a segment that could not be begun something may be left.
    this.#lastNumber += 1
    const segment = await JournalSegment.create(this.directory, this.#lastNumber, this.#files)
    this.#segments.push(segment)
    this.#mustRotate = false
    return segment
  }

  /** Oldest first only: a segment says of records in those before it that they are settled. */
  async #removeSettledSegments(): Promise<void> {
    let mayCompact = true
    for (;;) {
      const [oldest] = this.#segments
      if (oldest === undefined || this.#segments.length === 1) return
      // One at a time, because all that is to be appended waits for it.
      if (oldest.liveRecords > 0 && !(mayCompact && (await this.#compact(oldest)))) return
      mayCompact &&= oldest.liveRecords > 0
      await oldest.remove()
      // In this order on disk as well: the next one may say that what was in this one is settled.
      await this.#files.syncDirectory(this.directory)
      this.#segments.shift()
    }
  }

  /** Moves what is needed of a segment to the newest one, if that is worth it. */
  async #compact(oldest: JournalSegment): Promise<boolean> {
    let total = 0
    let live = 0
    for (const { sizeBytes } of this.#segments) total += sizeBytes
    for (const { location } of this.#live.values()) live += location.recordBytes
    if (total < COMPACT_ABOVE_BYTES || live > total / 2) return false
    const segment = await this.#activeSegment()
    if (segment === oldest) return false
    const records = [...this.#live.values()].filter(({ location }) => location.segment === oldest)
    for (let at = 0; at < records.length; at += COMPACT_BATCH) {
      await this.#move(records.slice(at, at + COMPACT_BATCH), segment)
    }
    return oldest.liveRecords === 0
  }

  async #move(records: readonly LiveRecord[], segment: JournalSegment): Promise<void> {
    const copies: NewRecord[] = []
    for (const record of records) copies.push({ header: record.header, content: await this.readContent(record) })
    for (const [index, location] of (await segment.append(copies)).entries()) {
      const record = records[index]
      if (record === undefined || !this.#live.has(record.header.id)) continue
      record.location.segment.liveRecords -= 1
      record.location = location
      segment.liveRecords += 1
    }
  }

  async #replay(): Promise<void> {
    const names = await this.#files.readDirectory(this.directory)
    for (const number of JournalSegment.numbersIn(names)) {
      const { segment, records } = await JournalSegment.open(this.directory, number, this.#files)
      this.#segments.push(segment)
      this.#lastNumber = number
      for (const { header, contentOffset, contentLength, checksum, recordBytes } of records) {
        if (header.type === 'done') for (const id of header.ids) this.#live.delete(id)
        if (header.type !== 'blob' && header.type !== 'entry') continue
        const location = { segment, offset: contentOffset, length: contentLength, checksum, recordBytes }
        this.#live.set(header.id, { header, location })
        this.#nextId = Math.max(this.#nextId, header.id + 1)
      }
    }
    for (const { location } of this.#live.values()) location.segment.liveRecords += 1
    this.#mustRotate = true
    for (const name of names) {
      const [, id] = /^(\d+)\.content$/.exec(name) ?? []
      if (id !== undefined && !this.#live.has(Number(id))) await this.#removeContent(Number(id))
    }
  }

  async #removeContent(id: number): Promise<void> {
    await unlinkIfThere(this.#files, this.contentPath(id))
  }
}
