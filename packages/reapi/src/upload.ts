import type { Digest } from '@caskade/core'
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

  constructor({ digest, compressor }: UploadResource, directory: string) {
    this.digest = digest
    this.#session = new WriteSession({ directory, digestFunction: digest.digestFunction, maxBytes: digest.sizeBytes })
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
   * @throws GrpcError `INVALID_ARGUMENT` at the wrong offset, with malformed data, or beyond the size of the blob;
   * `ABORTED` when another call has taken over.
   */
  write(feeder: symbol, offset: number, data: Uint8Array): Promise<void> {
    return this.#inTurn(feeder, async () => {
      this.assertOffset(offset)
      if (data.byteLength === 0) return
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
   * Ends the upload and verifies it.
   *
   * @throws GrpcError `INVALID_ARGUMENT` when the content is not what the digest says.
   */
  finish(feeder: symbol): Promise<void> {
    return this.#inTurn(feeder, async () => {
      try {
        await this.#decoder?.end()
        await this.#session.finishAs(this.digest)
      } catch (error) {
        throw this.#explain(error)
      }
    })
  }

  /** Checks that a write goes on where the last one ended. */
  assertOffset(offset: number): void {
    if (offset === this.#receivedBytes) return
    const message = `write_offset ${offset} is not ${this.#receivedBytes}, where the upload goes on; see QueryWriteStatus`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feeder = undefined
    this.#decoder?.destroy()
    await this.#turn.catch(() => undefined)
    await this.#session[Symbol.asyncDispose]()
  }

  /** One after the other: a call that takes over may come while the one before it still writes. */
  #inTurn(feeder: symbol, operation: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(() => {
      if (this.#feeder === feeder) return operation()
      throw new GrpcError(StatusCode.ABORTED, 'the upload is continued by another call')
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
