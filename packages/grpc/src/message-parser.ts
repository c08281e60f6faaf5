import { GrpcError } from './grpc-error.ts'
import type { MessageBuffers } from './message-buffers.ts'
import type { ReceiveBudget } from './receive-budget.ts'
import { UNCOUNTED_BYTES } from './receive-budget.ts'
import { StatusCode } from './status-code.ts'

/** Every message is preceded by a flag for compression and its length (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const PREFIX_BYTES = 5

/** The first buffer for a message that arrives in pieces; it grows with what arrives, whatever length was announced. */
const FIRST_BUFFER_BYTES = UNCOUNTED_BYTES

const NOTHING = Buffer.alloc(0)

/** Cuts a stream of bytes into messages, copying only those that arrive in pieces. */
export class MessageParser {
  readonly #maxMessageBytes: number
  readonly #budget: ReceiveBudget
  readonly #buffers: MessageBuffers
  /** Received and not yet looked at. */
  #rest: Buffer = NOTHING
  /** The message that is arriving; its length is known. */
  #partial: Buffer | undefined
  #partialBytes = 0
  #expectedBytes = 0

  /** A message that was returned counts in the budget until the one who takes it gives it back. */
  constructor(maxMessageBytes: number, budget: ReceiveBudget, buffers: MessageBuffers) {
    this.#maxMessageBytes = maxMessageBytes
    this.#budget = budget
    this.#buffers = buffers
  }

  /** Whether something arrived that is not yet a whole message. */
  get isWithinMessage(): boolean {
    return this.#partial !== undefined || this.#rest.byteLength > 0
  }

  /**
   * Takes received bytes and returns the messages that are complete with them. A message may share memory with `chunk`.
   *
   * @throws GrpcError `RESOURCE_EXHAUSTED` as soon as a prefix announces more than the limit, `UNIMPLEMENTED` for a
   * compressed message, `UNAVAILABLE` when the budget is used up.
   */
  push(chunk: Buffer): Buffer[] {
    const messages: Buffer[] = []
    try {
      this.#parse(chunk, messages)
      return messages
    } catch (error) {
      for (const { byteLength } of messages) this.#budget.giveBack(byteLength)
      throw error
    }
  }

  /** Gives up the message that is arriving. */
  abandon(): void {
    if (this.#partial !== undefined) this.#budget.giveBack(this.#partial.byteLength)
    this.#partial = undefined
    this.#rest = NOTHING
  }

  #parse(chunk: Buffer, messages: Buffer[]): void {
    let rest = this.#partial === undefined && this.#rest.byteLength > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    this.#rest = rest
    while (rest.byteLength > 0) {
      if (this.#partial !== undefined) {
        rest = this.#continuePartial(this.#partial, rest, messages)
        continue
      }
      if (rest.byteLength < PREFIX_BYTES) break
      const length = this.#readPrefix(rest)
      const end = PREFIX_BYTES + length
      if (rest.byteLength >= end) {
        this.#count(0, length)
        messages.push(rest.subarray(PREFIX_BYTES, end))
        rest = rest.subarray(end)
        continue
      }
      this.#beginPartial(length)
      rest = rest.subarray(PREFIX_BYTES)
    }
    // A copy, so that a few bytes do not keep a whole receive buffer alive.
    this.#rest = rest.byteLength === 0 ? NOTHING : Buffer.from(rest)
  }

  #count(countedBytes: number, newBytes: number): void {
    if (this.#budget.replace(countedBytes, newBytes)) return
    throw new GrpcError(StatusCode.UNAVAILABLE, 'too many large messages are being received; try again')
  }

  #readPrefix(bytes: Buffer): number {
    const length = bytes.readUInt32BE(1)
    if (bytes[0] !== 0) throw new GrpcError(StatusCode.UNIMPLEMENTED, 'compressed messages are not supported')
    if (length <= this.#maxMessageBytes) return length
    const message = `a message of ${length} bytes exceeds the limit of ${this.#maxMessageBytes} bytes`
    throw new GrpcError(StatusCode.RESOURCE_EXHAUSTED, message)
  }

  #beginPartial(length: number): void {
    this.#expectedBytes = length
    this.#partial = this.#buffers.take(Math.min(length, FIRST_BUFFER_BYTES))
    this.#partialBytes = 0
  }

  #continuePartial(partial: Buffer, bytes: Buffer, messages: Buffer[]): Buffer {
    const taken = Math.min(bytes.byteLength, this.#expectedBytes - this.#partialBytes)
    const needed = this.#partialBytes + taken
    let target = partial
    if (needed > partial.byteLength) {
      const length = Math.min(this.#expectedBytes, Math.max(needed, partial.byteLength * 2))
      this.#count(partial.byteLength, length)
      target = Buffer.allocUnsafeSlow(length)
      partial.copy(target, 0, 0, this.#partialBytes)
      this.#buffers.giveBack(partial)
    }
    bytes.copy(target, this.#partialBytes, 0, taken)
    this.#partialBytes = needed
    this.#partial = target
    if (needed === this.#expectedBytes) {
      messages.push(target)
      this.#partial = undefined
    }
    return bytes.subarray(taken)
  }
}
