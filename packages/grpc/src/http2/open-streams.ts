import type { Http2Stream } from './connection-stream.ts'
import { ConnectionError, ErrorCode } from './protocol.ts'

/** Of so many streams that are over it is known how they ended: what was under way when one was reset is not the client's fault. */
const REMEMBERED_STREAMS = 256

/** The streams of a connection: those that are open, and those that were so last. */
export class OpenStreams {
  readonly #open = new Map<number, Http2Stream>()
  /** Whether each of those that are over was reset by us. */
  readonly #wasReset = new Map<number, boolean>()
  #lastId = 0

  /** How many are open. */
  get size(): number {
    return this.#open.size
  }

  /** The last one that the client has begun; 0 before the first. */
  get lastId(): number {
    return this.#lastId
  }

  /** Those that are open. */
  values(): Iterable<Http2Stream> {
    return this.#open.values()
  }

  /**
   * Notes that the client begins a stream; returns false when it was reset by us already, so that there is nothing to begin.
   *
   * @throws ConnectionError when there cannot be such a stream, or not any more (RFC 9113, section 5.1.1).
   */
  begin(id: number): boolean {
    if (id % 2 === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `clients have no stream ${id}`)
    if (id > this.#lastId) {
      this.#lastId = id
      return true
    }
    const wasReset = this.#wasReset.get(id)
    if (wasReset === true) return false
    const code = wasReset === undefined ? ErrorCode.PROTOCOL_ERROR : ErrorCode.STREAM_CLOSED
    throw new ConnectionError(code, `stream ${id} cannot be opened again`)
  }

  add(stream: Http2Stream): void {
    this.#open.set(stream.id, stream)
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.get(id)
  }

  /**
   * The stream that a frame is about; undefined when it is over.
   *
   * @throws ConnectionError when it was never begun.
   */
  find(id: number): Http2Stream | undefined {
    const stream = this.#open.get(id)
    if (stream === undefined && (id > this.#lastId || id % 2 === 0)) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `there is no stream ${id} yet`)
    }
    return stream
  }

  /** Notes that a stream is over; `isReset`: by a reset of ours. */
  end(id: number, isReset: boolean): void {
    this.#open.delete(id)
    this.#wasReset.set(id, isReset)
    if (this.#wasReset.size <= REMEMBERED_STREAMS) return
    const [oldest] = this.#wasReset.keys()
    this.#wasReset.delete(oldest as number)
  }

  /** Whether a stream that is over was reset by us, as far as that is remembered. */
  wasReset(id: number): boolean {
    return this.#wasReset.get(id) === true
  }

  /**
   * Changes how much each may send; returns those that have something to send.
   *
   * @throws ConnectionError when that is more than can be counted (RFC 9113, section 6.9.2).
   */
  grow(changeBytes: number): Http2Stream[] {
    const streams = [...this.#open.values()]
    if (streams.every((stream) => stream.grow(changeBytes))) return streams.filter(({ isSending }) => isSending)
    throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large')
  }

  /** Ends all that are open, without a word to the client. */
  abortAll(): void {
    for (const stream of this.#open.values()) stream.abort()
  }
}
