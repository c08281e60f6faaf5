import { abortable } from './abortable.ts'
import type { OperationOptions } from './operation-options.ts'
import { StorageError } from './storage-error.ts'

/**
 * One pass over the content of a blob, or over the requested part of it.
 *
 * Can be read once, in one of three ways: by iterating, with `bytes()` or with `stream()`. Reading to the end, failing,
 * and leaving a loop early all release what the reader holds; a reader that is not read must be disposed. Chunks belong
 * to the consumer, who must not write to them; a producer never reuses a chunk that it has handed out.
 */
export interface BlobReader extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** How many bytes this reader delivers; it fails rather than deliver fewer or more. */
  readonly sizeBytes: number
  /**
   * All that this reader delivers, where it is in memory already, as long as the reader was neither read nor disposed. Whoever
   * takes it has no need to read; the reader must be disposed once it is no longer needed. Nobody may write to it.
   */
  readonly inMemory?: Uint8Array | undefined
  /** Reads everything into memory. A reader over bytes that are already there hands them out without a copy. */
  bytes(): Promise<Uint8Array>
  /** Reads as a web stream; cancelling it disposes the reader. */
  stream(): ReadableStream<Uint8Array>
}

/** What a reader made of chunks needs besides them. */
export interface ReaderOptions extends OperationOptions {
  /** Gives back what the reader holds, such as a file descriptor. Called exactly once, however the reading ends. */
  readonly release?: (() => void | PromiseLike<void>) | undefined
  /**
   * Reads everything into one buffer, where the producer can do that cheaper than by handing out chunks that are then
   * gathered. Must end soon once `release` was called.
   */
  readonly whole?: (() => Promise<Uint8Array>) | undefined
}

/** Makes a reader over bytes in memory, which must not change afterwards. */
export function readerFromBytes(bytes: Uint8Array, options: ReaderOptions = {}): BlobReader {
  return new BytesReader(bytes, options)
}

/** Makes a reader over chunks that add up to `sizeBytes`; it fails with `corrupt` when they do not. */
export function readerFromChunks(
  sizeBytes: number,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReaderOptions = {},
): BlobReader {
  return new ChunkReader(sizeBytes, chunks, options)
}

abstract class OneShotReader implements BlobReader {
  readonly sizeBytes: number
  protected readonly signal: AbortSignal | undefined
  #release: (() => void | PromiseLike<void>) | undefined
  #state: 'unread' | 'read' | 'disposed' = 'unread'

  constructor(sizeBytes: number, { release, signal }: ReaderOptions) {
    this.sizeBytes = sizeBytes
    this.signal = signal
    this.#release = release
  }

  abstract bytes(): Promise<Uint8Array>
  protected abstract chunks(): AsyncGenerator<Uint8Array, void, undefined>

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.begin()
    const chunks = this.chunks()
    // A generator that was never started skips its `finally`, so leaving it must dispose by itself.
    const leave = chunks.return.bind(chunks)
    chunks.return = async (value) => {
      await this[Symbol.asyncDispose]()
      return leave(value)
    }
    return chunks
  }

  stream(): ReadableStream<Uint8Array> {
    return ReadableStream.from(this)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'unread') this.#state = 'disposed'
    this.abandon()
    const release = this.#release
    this.#release = undefined
    await release?.()
  }

  protected get isUnread(): boolean {
    return this.#state === 'unread'
  }

  /** Whether there is something to give back. */
  protected get holdsSomething(): boolean {
    return this.#release !== undefined
  }

  /** Tells the producer, if one is at work, that nobody waits for the rest. */
  protected abandon(): void {}

  protected begin(): void {
    if (this.#state === 'unread') {
      this.#state = 'read'
      return
    }
    throw unreadableError(this.#state === 'read' ? 'it was read before' : 'it was disposed')
  }
}

class BytesReader extends OneShotReader {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, options: ReaderOptions) {
    super(bytes.byteLength, options)
    this.#bytes = bytes
  }

  get inMemory(): Uint8Array | undefined {
    return this.isUnread ? this.#bytes : undefined
  }

  override async bytes(): Promise<Uint8Array> {
    this.begin()
    if (!this.holdsSomething && this.signal === undefined) return this.#bytes
    try {
      this.signal?.throwIfAborted()
      return this.#bytes
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  protected override async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      this.signal?.throwIfAborted()
      if (this.#bytes.byteLength > 0) yield this.#bytes
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }
}

class ChunkReader extends OneShotReader {
  readonly #chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  readonly #whole: (() => Promise<Uint8Array>) | undefined
  #producer: AsyncIterator<Uint8Array> | Iterator<Uint8Array> | undefined
  #isAbandoned = false

  constructor(sizeBytes: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, options: ReaderOptions) {
    super(sizeBytes, options)
    this.#chunks = chunks
    this.#whole = options.whole
  }

  override async bytes(): Promise<Uint8Array> {
    if (this.#whole !== undefined) return this.#readWhole(this.#whole)
    let bytes: Uint8Array | undefined
    let filled = 0
    for await (const chunk of this) {
      filled += chunk.byteLength
      // All of it in one chunk, which belongs to the consumer as it is.
      if (chunk.byteLength === this.sizeBytes) bytes = chunk
      else {
        bytes ??= Buffer.allocUnsafeSlow(this.sizeBytes)
        bytes.set(chunk, filled - chunk.byteLength)
      }
    }
    return bytes ?? new Uint8Array(0)
  }

  async #readWhole(whole: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.begin()
    try {
      this.signal?.throwIfAborted()
      const bytes = await abortable(whole(), this.signal)
      if (bytes.byteLength !== this.sizeBytes) throw lengthError(this.sizeBytes, bytes.byteLength)
      return bytes
    } catch (error) {
      // What fails because nobody waits for it says nothing about the content.
      if (this.#isAbandoned && this.signal?.aborted !== true) throw unreadableError('it was disposed while it was read')
      throw error
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  protected override async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const producer = iterate(this.#chunks)
    this.#producer = producer
    let delivered = 0
    try {
      for (;;) {
        this.signal?.throwIfAborted()
        const result = await abortable(Promise.resolve(producer.next()), this.signal)
        if (result.done === true) break
        delivered += result.value.byteLength
        if (delivered > this.sizeBytes) throw lengthError(this.sizeBytes, `more than ${this.sizeBytes}`)
        yield result.value
      }
      // What ends because nobody waits for the rest is not short: taken for damage, it would cost the storage the blob.
      if (this.#producer === undefined) throw unreadableError('it was disposed while it was read')
      this.#producer = undefined
      if (delivered < this.sizeBytes) throw lengthError(this.sizeBytes, delivered)
    } finally {
      await this[Symbol.asyncDispose]()
    }
  }

  protected override abandon(): void {
    this.#isAbandoned = true
    const producer = this.#producer
    this.#producer = undefined
    // Not awaited: a producer stuck in next() keeps return() waiting, and the release that follows is what unblocks it.
    Promise.resolve(producer?.return?.()).catch(() => undefined)
  }
}

function iterate(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  return Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
}

function unreadableError(reason: string): StorageError {
  return new StorageError('invalid-argument', `BlobReader: cannot be read, ${reason}; get the blob again`)
}

function lengthError(expected: number, found: number | string): StorageError {
  return new StorageError('corrupt', `BlobReader: expected ${expected} bytes of content, found ${found}`)
}
