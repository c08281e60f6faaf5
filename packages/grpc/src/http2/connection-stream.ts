import type { HeaderFields } from '../metadata.ts'
import type { StreamListener, TransportStream } from '../transport-stream.ts'
import { ArrivedContent } from './arrived-content.ts'
import type { FrameWriter } from './frame-writer.ts'
import { encodeHeaders, NO_TABLE } from './header-encoder.ts'
import { OutgoingContent } from './outgoing-content.ts'
import type { ErrorCode } from './protocol.ts'
import { ErrorCode as Code, FrameFlag, FrameType, MAX_WINDOW_BYTES } from './protocol.ts'
import { ReceiveWindow } from './receive-window.ts'

/** How much a client may send on one stream before the handler has taken it, in bytes. */
export const STREAM_WINDOW_BYTES: number = 1024 * 1024

/** What a stream may send before it is the turn of another, in bytes. */
const TURN_BYTES = 64 * 1024

/** The largest frame that is sent, in bytes of payload, whatever larger ones a client takes: others want their turn. */
const LARGEST_SENT_FRAME_BYTES = 64 * 1024

/** What a stream needs of its connection. */
export interface StreamConnection {
  readonly writer: FrameWriter
  readonly peer: string
  /** What the client takes on all streams together, in bytes. */
  readonly sendWindowBytes: number
  /** The largest frame that the client takes, in bytes of payload. */
  readonly maxFrameBytes: number
  /** Whether this connection has yet to say that its header blocks need no table; it does so once. */
  takeTableUpdate(): boolean
  /** Gives the stream a turn to send as soon as there is room. */
  schedule(stream: Http2Stream): void
  /** Notes that bytes of content were sent. */
  noteSent(bytes: number): void
  /** Notes that bytes of content were taken, which the client may send again in others' place. */
  take(bytes: number): void
  /** Forgets a stream that is over; `isReset`: it was ended before the client had. */
  forget(stream: Http2Stream, isReset: boolean): void
}

/** A request that has begun. */
export interface OpenedRequest {
  readonly id: number
  readonly headers: HeaderFields
  /** Whether it has no body; what is told the listener of it comes with `receiveEnd`, as ever. */
  readonly hasEnded: boolean
  /** What the client takes of the response for now, in bytes. */
  readonly sendWindowBytes: number
}

/** A request and its response on one connection. */
export class Http2Stream implements TransportStream {
  readonly id: number
  readonly headers: HeaderFields
  readonly #connection: StreamConnection
  readonly #window = new ReceiveWindow(STREAM_WINDOW_BYTES)
  #listener: StreamListener | undefined
  /** Arrived while it was paused. */
  readonly #arrived = new ArrivedContent()
  /** What the client said that the body is, less what of it has arrived, in bytes. */
  #unreceivedBytes: number | undefined
  #isPaused = false
  #hasClientEnded = false
  #isEndDelivered = false
  #sendWindowBytes: number
  readonly #outgoing = new OutgoingContent()
  #isDrainAwaited = false
  #trailers: HeaderFields | undefined
  /** When the response was complete, of which the client has yet to take some. */
  #endedAtMs: number | undefined
  #hasResponded = false
  #isOver = false
  #hasMoved = true
  #movedAtMs = 0

  constructor(connection: StreamConnection, { id, headers, hasEnded, sendWindowBytes }: OpenedRequest) {
    this.#connection = connection
    this.id = id
    this.headers = headers
    this.#hasClientEnded = hasEnded
    this.#sendWindowBytes = sendWindowBytes
    const length = headers['content-length']
    if (length !== undefined) this.#unreceivedBytes = Number(length)
  }

  get peer(): string {
    return this.#connection.peer
  }

  /** Whether there is content that waits to be sent. */
  get isSending(): boolean {
    return this.#outgoing.sizeBytes > 0
  }

  get hasClientEnded(): boolean {
    return this.#hasClientEnded
  }

  listen(listener: StreamListener): void {
    this.#listener = listener
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    // Not at once: whoever resumes is in the middle of something.
    if (this.#arrived.sizeBytes > 0 || this.#hasClientEnded) process.nextTick(() => this.#deliverArrived())
  }

  respond(headers: HeaderFields): void {
    if (this.#isOver || this.#hasResponded) return
    this.#hasResponded = true
    this.#sendHeaders(headers, 0)
  }

  write(chunks: readonly Uint8Array[], onTaken?: () => void): boolean {
    if (this.#isOver) return true
    this.#outgoing.push(chunks, onTaken)
    if (this.#outgoing.sizeBytes > 0) this.#connection.schedule(this)
    this.#isDrainAwaited = this.#outgoing.sizeBytes > 0
    return !this.#isDrainAwaited
  }

  respondWith(headers: HeaderFields, body: Uint8Array, trailers: HeaderFields): void {
    this.respond(headers)
    this.write([body])
    this.end(trailers)
  }

  end(trailers: HeaderFields): void {
    if (this.#isOver || this.#trailers !== undefined) return
    this.#trailers = trailers
    // Not past what waits, nor for a client that does not read: it could ask for ever more of these.
    if (this.#outgoing.sizeBytes === 0 && !this.#connection.writer.isFull) this.#sendEnd(trailers)
    else {
      this.#endedAtMs = performance.now()
      this.#connection.schedule(this)
    }
  }

  /** Notes what arrives; returns what is wrong with it, if anything is. */
  receive(flowBytes: number, paddingBytes: number): ErrorCode | undefined {
    if (this.#hasClientEnded) return Code.STREAM_CLOSED
    if (!this.#window.receive(flowBytes)) return Code.FLOW_CONTROL_ERROR
    if (paddingBytes > 0) this.#take(paddingBytes)
    return undefined
  }

  /** Takes a piece of content. */
  receiveContent(piece: Buffer): void {
    this.#hasMoved = true
    if (this.#unreceivedBytes !== undefined) this.#unreceivedBytes -= piece.byteLength
    if (this.#isPaused || this.#arrived.sizeBytes > 0) {
      this.#arrived.push(piece)
      return
    }
    this.#take(piece.byteLength)
    this.#listener?.onData(piece)
  }

  /** The client sends nothing further; returns what is wrong with that, if anything is. */
  receiveEnd(): ErrorCode | undefined {
    if (this.#unreceivedBytes !== undefined && this.#unreceivedBytes !== 0) return Code.PROTOCOL_ERROR
    this.#hasClientEnded = true
    if (!this.#isPaused) this.#deliverArrived()
    return undefined
  }

  /** Changes what the client takes; returns false when that is more than can be counted. */
  grow(incrementBytes: number): boolean {
    this.#sendWindowBytes += incrementBytes
    return this.#sendWindowBytes <= MAX_WINDOW_BYTES
  }

  /** Sends what it may in one turn; returns whether it could send more in another. */
  sendTurn(): boolean {
    let turnBytes = TURN_BYTES
    while (this.#outgoing.sizeBytes > 0 && turnBytes > 0) {
      const { maxFrameBytes, sendWindowBytes } = this.#connection
      const frameBytes = Math.min(
        this.#outgoing.sizeBytes,
        turnBytes,
        maxFrameBytes,
        LARGEST_SENT_FRAME_BYTES,
        sendWindowBytes,
        this.#sendWindowBytes,
      )
      if (frameBytes <= 0) return this.#sendWindowBytes > 0
      this.#sendContent(frameBytes)
      turnBytes -= frameBytes
    }
    if (this.#outgoing.sizeBytes > 0) return true
    if (this.#trailers !== undefined) {
      this.#sendEnd(this.#trailers)
    } else if (this.#isDrainAwaited) {
      this.#isDrainAwaited = false
      this.#listener?.onDrain()
    }
    return false
  }

  /** Ends it before it is complete, and tells the client why unless that has ended it itself. */
  abort(code?: ErrorCode): void {
    if (this.#isOver) return
    if (code !== undefined) this.#connection.writer.reset(this.id, code)
    this.#finish(true, code !== undefined)
  }

  /** Cancels it if nothing has moved for so long, in milliseconds, while it was the client's turn. */
  watch(nowMs: number, idleTimeoutMs: number): void {
    if (this.#hasMoved) {
      this.#hasMoved = false
      this.#movedAtMs = nowMs
    }
    const waitingSinceMs = this.#endedAtMs ?? this.#listener?.waitingSinceMs
    if (waitingSinceMs === undefined) return
    if (nowMs - Math.max(waitingSinceMs, this.#movedAtMs) >= idleTimeoutMs) this.abort(Code.CANCEL)
  }

  #deliverArrived(): void {
    while (this.#arrived.sizeBytes > 0 && !this.#isPaused && !this.#isOver) {
      const piece = this.#arrived.shift() as Buffer
      this.#take(piece.byteLength)
      this.#listener?.onData(piece)
    }
    if (!this.#hasClientEnded || this.#isEndDelivered || this.#arrived.sizeBytes > 0 || this.#isPaused || this.#isOver)
      return
    this.#isEndDelivered = true
    this.#listener?.onEnd()
  }

  #take(bytes: number): void {
    this.#connection.take(bytes)
    const incrementBytes = this.#hasClientEnded ? 0 : this.#window.take(bytes)
    if (incrementBytes > 0) this.#connection.writer.windowUpdate(this.id, incrementBytes)
  }

  #sendContent(frameBytes: number): void {
    const { writer } = this.#connection
    writer.head(frameBytes, FrameType.DATA, 0, this.id)
    this.#outgoing.writeTo(writer, frameBytes)
    this.#hasMoved = true
    this.#sendWindowBytes -= frameBytes
    this.#connection.noteSent(frameBytes)
  }

  #sendEnd(trailers: HeaderFields): void {
    this.#sendHeaders(trailers, FrameFlag.END_STREAM)
    // What it still sends is not wanted any more (RFC 9113, section 8.1).
    if (!this.#hasClientEnded) this.#connection.writer.reset(this.id, Code.NO_ERROR)
    this.#finish(false, !this.#hasClientEnded)
  }

  #sendHeaders(fields: HeaderFields, flags: number): void {
    let block = encodeHeaders(fields)
    const { writer, maxFrameBytes } = this.#connection
    if (this.#connection.takeTableUpdate()) block = Buffer.concat([NO_TABLE, block])
    if (block.byteLength <= maxFrameBytes) {
      writer.frame(FrameType.HEADERS, flags | FrameFlag.END_HEADERS, this.id, block)
      return
    }
    for (let at = 0; at < block.byteLength; at += maxFrameBytes) {
      const part = block.subarray(at, at + maxFrameBytes)
      const endFlag = at + maxFrameBytes >= block.byteLength ? FrameFlag.END_HEADERS : 0
      const type = at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION
      writer.frame(type, at === 0 ? flags | endFlag : endFlag, this.id, part)
    }
  }

  #finish(isCancelled: boolean, isReset: boolean): void {
    this.#isOver = true
    // What nobody takes any more has been taken, as far as the connection is concerned.
    this.#connection.take(this.#arrived.sizeBytes)
    this.#arrived.clear()
    this.#outgoing.clear()
    this.#connection.forget(this, isReset)
    this.#listener?.onClose(isCancelled)
  }
}
