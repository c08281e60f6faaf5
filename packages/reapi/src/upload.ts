import type { Digest, SpoolBudget } from '@caskade/core'
import { StorageError, WriteSession } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { UploadResource } from './resource-name.ts'
import { ZstdDecoder } from './zstd.ts'

/** One upload: what arrived of it so far, decompressed and hashed. Outlives the calls that feed it. */
export class Upload implements AsyncDisposable {
  readonly digest: Digest
  readonly #session: WriteSession
  readonly #decoder: ZstdDecoder | undefined
  #receivedBytes = 0
  #turn: Promise<unknown> = Promise.resolve()
  #feeder: symbol | undefined
  #isFinished = false
  #isStored = false
  #committing: Promise<void> | undefined

  constructor({ digest, compressor }: UploadResource, directory: string, spoolBudget: SpoolBudget) {
    this.digest = digest
    const { digestFunction, sizeBytes } = digest
    this.#session = new WriteSession({ directory, spoolBudget, digestFunction, maxBytes: sizeBytes })
    if (compressor === 'zstd') this.#decoder = new ZstdDecoder((chunk) => this.#session.write(chunk))
  }

  /** How many bytes arrived, as they were sent: the offset at which the upload goes on. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /** The complete content. */
  get source(): WriteSession {
    return this.#session
  }

  /** Whether it keeps what it is given to write, rather than copies. */
  get keepsChunks(): boolean {
    return this.#session.keepsChunks
  }

  /** Whether a call is feeding it. */
  get isAttached(): boolean {
    return this.#feeder !== undefined
  }

  /** Makes one call the only one that may write; one that did before is refused from now on. */
  attach(feeder: symbol): void {
    this.#feeder = feeder
  }

  /** Ends a call's right to write. Returns false when another call has taken over. */
  detach(feeder: symbol): boolean {
    if (this.#feeder !== feeder) return false
    this.#feeder = undefined
    return true
  }

  /**
   * Adds what arrived at an offset.
   *
   * @throws GrpcError `INVALID_ARGUMENT` at the wrong offset, with malformed data, or beyond the end of the blob;
   * `ABORTED` when another call has taken over.
   */
  write(feeder: symbol, offset: number, data: Uint8Array): Promise<void> {
    return this.#inTurn(feeder, async () => {
      this.assertOffset(offset)
      if (data.byteLength === 0) return
      if (this.#isFinished) throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'the upload is complete, and has no more')
      try {
        if (this.#decoder === undefined) await this.#session.write(data)
        else await this.#decoder.write(data)
      } catch (error) {
        throw this.#explain(error)
      }
      this.#receivedBytes += data.byteLength
    })
  }

  /**
   * Ends the upload and verifies it. A call that comes back to what an earlier one ended may do so again.
   *
   * @throws GrpcError `INVALID_ARGUMENT` when the content is not what the digest says.
   */
  finish(feeder: symbol): Promise<void> {
    return this.#inTurn(feeder, async () => {
      if (this.#isFinished) return
      try {
        await this.#decoder?.end()
        await this.#session.finishAs(this.digest)
        this.#isFinished = true
      } catch (error) {
        throw this.#explain(error)
      }
    })
  }

  /** Stores the complete content, once for all calls that wait for it; after a failure, the next one tries again. */
  commit(store: (source: WriteSession) => Promise<void>): Promise<void> {
    this.#committing ??= this.#commit(store)
    return this.#committing
  }

  /** Checks that a write goes on where the last one ended. */
  assertOffset(offset: number): void {
    if (offset === this.#receivedBytes) return
    const message = `write_offset ${offset} is not ${this.#receivedBytes}, where the upload goes on; see QueryWriteStatus`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isStored) this.#feeder = undefined
    this.#decoder?.destroy()
    await this.#turn.catch(() => undefined)
    // Whoever commits it hears how that ends.
    await this.#committing?.catch(() => undefined)
    await this.#session[Symbol.asyncDispose]()
  }

  async #commit(store: (source: WriteSession) => Promise<void>): Promise<void> {
    try {
      await store(this.#session)
      this.#isStored = true
    } catch (error) {
      this.#committing = undefined
      throw error
    }
  }

  /** One after the other: a call that takes over may come while the one before it still writes. */
  #inTurn(feeder: symbol, operation: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(async () => {
      if (this.#feeder !== feeder) throw new GrpcError(StatusCode.ABORTED, 'the upload is continued by another call')
      // The call before this one has stored it in the meantime: there is nothing left to do.
      return this.#isStored ? undefined : operation()
    })
    this.#turn = result.catch(() => undefined)
    return result
  }

  #explain(error: unknown): unknown {
    if (!StorageError.is(error, 'too-large')) return error
    const message = `the content is longer than the ${this.digest.sizeBytes} bytes of its digest`
    return new GrpcError(StatusCode.INVALID_ARGUMENT, message, { cause: error })
  }
}
