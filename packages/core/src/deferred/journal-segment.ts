import { join } from 'node:path'
import type { FileOperations, OpenFile } from '../files/file-operations.ts'
import { unlinkIfThere } from '../files/unlink-if-there.ts'
import { StorageError } from '../storage-error.ts'
import type { FoundRecord, RecordHeader } from './journal-record.ts'
import { decodeRecords, encodeRecord, FORMAT_VERSION } from './journal-record.ts'

/** A record to be appended. */
export interface NewRecord {
  readonly header: RecordHeader
  readonly content?: Uint8Array | undefined
}

/** Where the content of a record is. */
export interface RecordLocation {
  readonly segment: JournalSegment
  readonly offset: number
  readonly length: number
  /** The CRC-32 of the content. */
  readonly checksum: number
  /** What the whole record takes of the segment, in bytes. */
  readonly recordBytes: number
}

const SEGMENT_NAME = /^segment-(\d+)$/

/** One file of a journal, to which records are appended until the next one is begun. */
export class JournalSegment {
  readonly path: string
  readonly number: number
  /** How many of its records are still needed. */
  liveRecords = 0
  readonly #files: FileOperations
  readonly #file: OpenFile
  #end = 0

  private constructor(directory: string, number: number, files: FileOperations, file: OpenFile) {
    this.path = join(directory, segmentName(number))
    this.number = number
    this.#files = files
    this.#file = file
  }

  /** Begins a segment; its name is on disk when it resolves. */
  static async create(directory: string, number: number, files: FileOperations): Promise<JournalSegment> {
    const file = await files.open(join(directory, segmentName(number)), 'create')
    const segment = new JournalSegment(directory, number, files, file)
    try {
      await segment.append([{ header: { type: 'format', version: FORMAT_VERSION } }])
      await files.syncDirectory(directory)
      return segment
    } catch (error) {
      await file.close()
      await files.unlink(segment.path).catch(() => undefined)
      throw error
    }
  }

  /**
   * Opens a segment that an earlier process wrote, and reads its records.
   *
   * @throws StorageError `unsupported` when a newer version wrote it.
   */
  static async open(
    directory: string,
    number: number,
    files: FileOperations,
  ): Promise<{ readonly segment: JournalSegment; readonly records: FoundRecord[] }> {
    const file = await files.open(join(directory, segmentName(number)), 'read')
    const segment = new JournalSegment(directory, number, files, file)
    try {
      const records = [...decodeRecords(await segment.#readAll())]
      assertReadable(segment.path, records)
      return { segment, records }
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** The numbers of the segments in a folder, oldest first. */
  static numbersIn(names: readonly string[]): number[] {
    return names
      .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((left, right) => left - right)
  }

  get sizeBytes(): number {
    return this.#end
  }

  /** Appends records, which are on disk when it resolves. After it rejected, nothing more may be appended. */
  async append(records: readonly NewRecord[]): Promise<RecordLocation[]> {
    const encoded = records.map(({ header, content }) => encodeRecord(header, content))
    let at = this.#end
    const locations = encoded.map(({ byteLength, contentOffset, checksum }) => {
      const [offset, length] = [at + contentOffset, byteLength - contentOffset]
      const location = { segment: this, offset, length, checksum, recordBytes: byteLength }
      at += byteLength
      return location
    })
    await this.#file.write(
      encoded.flatMap(({ bytes }) => bytes),
      this.#end,
    )
    await this.#file.sync()
    this.#end = at
    return locations
  }

  /** Reads a part of the file. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafeSlow(length)
    let filled = 0
    while (filled < length) {
      const bytesRead = await this.#file.read(buffer.subarray(filled), offset + filled)
      if (bytesRead === 0) return buffer.subarray(0, filled)
      filled += bytesRead
    }
    return buffer
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /** Closes and removes it; may be tried again when it failed. */
  async remove(): Promise<void> {
    await this.#file.close()
    await unlinkIfThere(this.#files, this.path)
  }

  async #readAll(): Promise<Buffer> {
    this.#end = await this.#file.sizeBytes()
    const bytes = await this.read(0, this.#end)
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }
}

function segmentName(number: number): string {
  return `segment-${String(number).padStart(8, '0')}`
}

function assertReadable(path: string, records: readonly FoundRecord[]): void {
  const format = records[0]?.header
  if (format === undefined) return
  if (format.type === 'format' && format.version <= FORMAT_VERSION) return
  const found = format.type === 'format' ? `version ${format.version}` : 'no version'
  throw new StorageError(
    'unsupported',
    `WithCache: journal ${path} has ${found}, this program reads up to version ${FORMAT_VERSION}; start the newer program, or let it drain first`,
  )
}
