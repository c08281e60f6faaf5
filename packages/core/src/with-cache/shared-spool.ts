import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FileOperations, OpenFile } from '../files/file-operations.ts'
import { fileError } from '../files/file-errors.ts'
import { SpoolBlocks } from './spool-blocks.ts'
import { SpoolWindow } from './spool-window.ts'

/** How much of the newest content stays in memory, in bytes. Content up to this size never touches the disk. */
const WINDOW_BYTES = 1024 * 1024

/** How much may wait to be written to the file before the writer has to wait, in bytes. */
const MAX_UNWRITTEN_BYTES = 2 * 1024 * 1024

/** How much is written to the file at once, in bytes. */
const WRITE_BYTES = 256 * 1024

/** Someone who reads a {@link SharedSpool} from its start. */
export interface SpoolReader {
  /** How far it has come, in bytes. */
  position: number
  /** Whether the writer waits for it when there is no file to catch up from. */
  readonly setsPace: boolean
}

/** Where a {@link SharedSpool} keeps what it does not keep in memory. */
export interface SharedSpoolOptions {
  readonly directory: string
  readonly files: FileOperations
  /** Hears that the file cannot be written. From then on the slowest reader sets the pace. */
  readonly onSpillFailure: (error: unknown) => void
}

/**
 * Content that one writer appends and any number of readers read from its start, each at its own pace.
 *
 * The newest part is in memory, the rest in a file without a name, so that nothing is left of it whatever happens.
 */
export class SharedSpool {
  readonly #options: SharedSpoolOptions
  readonly #window = new SpoolWindow()
  readonly #readers = new Set<SpoolReader>()
  #file: OpenFile | undefined
  #blocks: SpoolBlocks | undefined
  #spilling: Promise<void> | undefined
  #spillError: unknown
  #end: 'open' | 'complete' | 'failed' = 'open'
  #failure: unknown
  #changed = Promise.withResolvers<void>()
  #consumed = Promise.withResolvers<void>()

  constructor(options: SharedSpoolOptions) {
    this.#options = options
  }

  /** Whether somebody who begins now can still read from the start. */
  get hasStart(): boolean {
    return this.#spillError === undefined || this.#window.start <= (this.#blocks?.end ?? 0)
  }

  addReader(setsPace: boolean): SpoolReader {
    const reader = { position: 0, setsPace }
    this.#readers.add(reader)
    return reader
  }

  removeReader(reader: SpoolReader): void {
    this.#readers.delete(reader)
    if (this.#spillError !== undefined) this.#letGoOfConsumed()
  }

  /** Adds a chunk, which must not change afterwards. Waits while the disk, or without one the slowest reader, is behind. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#window.push(chunk)
    this.#announce()
    if (this.#window.end > WINDOW_BYTES) this.#spill()
    while (this.#spillError === undefined && this.#unwrittenBytes() > MAX_UNWRITTEN_BYTES) {
      this.#spill()
      await this.#spilling
    }
    while (this.#spillError !== undefined && this.#end === 'open' && this.#isBehind()) await this.#nextConsumption()
  }

  /** Nothing more will be appended. */
  complete(): void {
    if (this.#end !== 'open') return
    this.#end = 'complete'
    this.#announce()
  }

  /** Readers that have read what is there fail with this. */
  fail(error: unknown): void {
    if (this.#end !== 'open') return
    this.#end = 'failed'
    this.#failure = error
    this.#announce()
    this.#consumed.resolve()
  }

  /** Resolves to the next chunk of a reader, waiting for it to be appended; to null at the end. */
  async read(reader: SpoolReader): Promise<Uint8Array | null> {
    for (;;) {
      // Who has had nothing yet may start again elsewhere.
      if (this.#end === 'failed' && reader.position === 0) throw this.#failure
      const chunk = await this.#chunkAt(reader.position)
      if (chunk !== undefined) {
        reader.position += chunk.byteLength
        if (this.#spillError !== undefined && this.#isBehind()) this.#letGoOfConsumed()
        return chunk
      }
      if (this.#end === 'failed') throw this.#failure
      if (this.#end === 'complete') return null
      await this.#changed.promise
    }
  }

  /** Gives back the memory and the file. Call it when nobody reads any more. */
  async close(): Promise<void> {
    await this.#spilling
    this.#window.clear()
    await this.#file?.close()
  }

  async #chunkAt(position: number): Promise<Uint8Array | undefined> {
    if (position >= this.#window.start) return this.#window.chunkAt(position)
    if (this.#blocks !== undefined && position < this.#blocks.end) return this.#blocks.read(position)
    throw this.#spillError
  }

  #unwrittenBytes(): number {
    return this.#window.end - (this.#blocks?.end ?? 0)
  }

  #spill(): void {
    if (this.#spilling !== undefined || this.#spillError !== undefined) return
    this.#spilling = this.#writeOut()
      .catch((error: unknown) => {
        this.#spillError = fileError(error, 'WithCache: cannot write to its spool file')
        this.#options.onSpillFailure(this.#spillError)
        this.#letGoOfConsumed()
      })
      .finally(() => {
        this.#spilling = undefined
      })
  }

  async #writeOut(): Promise<void> {
    const blocks = this.#blocks ?? (await this.#openFile())
    while (this.#window.end - blocks.end >= WRITE_BYTES) {
      const chunks = this.#window.chunksFrom(blocks.end)
      await blocks.append(chunks)
      this.#window.letGo(Math.min(blocks.end, this.#window.end - WINDOW_BYTES))
    }
  }

  async #openFile(): Promise<SpoolBlocks> {
    const { directory, files } = this.#options
    const path = join(directory, `${randomUUID()}.spool`)
    const file = await files.open(path, 'create')
    this.#file = file
    await files.unlink(path)
    this.#blocks = new SpoolBlocks(file)
    return this.#blocks
  }

  /** Without a file, what the slowest reader has not read must stay in memory. */
  #letGoOfConsumed(): void {
    let slowest = this.#window.end
    for (const { position, setsPace } of this.#readers) if (setsPace) slowest = Math.min(slowest, position)
    this.#window.letGo(Math.max(slowest, this.#blocks?.end ?? 0))
    this.#consumed.resolve()
  }

  #isBehind(): boolean {
    return this.#window.end - this.#window.start > MAX_UNWRITTEN_BYTES && this.#readers.size > 0
  }

  async #nextConsumption(): Promise<void> {
    this.#consumed = Promise.withResolvers()
    await this.#consumed.promise
  }

  #announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
