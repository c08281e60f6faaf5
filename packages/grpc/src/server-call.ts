import type { CallContext } from './call-context.ts'
import type { CallStatus } from './call-status.ts'
import { ClientWaits } from './client-waits.ts'
import { parseTimeout } from './deadline.ts'
import type { Expiring } from './deadlines.ts'
import type { EncodedMessage } from './encoded-message.ts'
import { frameMessage } from './encoded-message.ts'
import { GrpcError } from './grpc-error.ts'
import { MessageParser } from './message-parser.ts'
import { Metadata } from './metadata.ts'
import { OK_TRAILERS, RESPONSE_HEADERS, statusHeaders, statusTrailers } from './response-headers.ts'
import type { ServerCallOptions } from './server-call-options.ts'
import { StatusCode } from './status-code.ts'
import type { StreamListener, TransportStream } from './transport-stream.ts'

/** With so many bytes of messages waiting for the handler, the client is made to wait. */
const MAX_WAITING_BYTES = 256 * 1024

/** The same for so many messages, however small. */
const MAX_WAITING_MESSAGES = 1024

/** So many messages may wait as they are; further ones below this size are copied. */
const MAX_SHARED_MESSAGES = 8
const COPY_BELOW_BYTES = 4 * 1024

/** One call, message by message. Handlers see it through the kinds of method in `method.ts`. */
export class ServerCall implements CallContext, StreamListener, Expiring {
  readonly path: string
  readonly #stream: TransportStream
  readonly #options: ServerCallOptions
  readonly #parser: MessageParser
  readonly #waiting: Buffer[] = []
  readonly #waits = new ClientWaits()
  #metadata: Metadata | undefined
  #whenOver: (() => void)[] | undefined
  #waitingBytes = 0
  /** The size of the message that the handler has. */
  #handledBytes = 0
  #isPaused = false
  #hasClientEnded = false
  #failure: GrpcError | undefined
  #hasResponded = false
  #endedWith: StatusCode | undefined
  #controller: AbortController | undefined
  /** What the client set as its deadline, in milliseconds. */
  #timeoutMs: number | undefined
  /** How many messages the receiver waits for. */
  #wantedMessages = 1
  #isBlocked = false

  constructor(stream: TransportStream, path: string, options: ServerCallOptions) {
    this.path = path
    this.#stream = stream
    this.#options = options
    this.#parser = new MessageParser(options.maxMessageBytes, options.budget, options.buffers)
    stream.listen(this)
  }

  get metadata(): Metadata {
    this.#metadata ??= new Metadata(this.#stream.headers)
    return this.#metadata
  }

  get peer(): string {
    return this.#stream.peer
  }

  get waitingSinceMs(): number | undefined {
    return this.#waits.sinceMs
  }

  /** The status code that the call ended with; undefined while it goes on. */
  get endedWith(): StatusCode | undefined {
    return this.#endedWith
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#failure !== undefined && !this.#controller.signal.aborted) this.#controller.abort(this.#failure)
    return this.#controller.signal
  }

  /** Starts the clock, if the client set a deadline. */
  startDeadline(): void {
    const timeout = this.#stream.headers['grpc-timeout']
    if (timeout === undefined) return
    this.#timeoutMs = parseTimeout(String(timeout))
    this.#options.deadlines.add(this, this.#timeoutMs)
  }

  /** Ends the call because its deadline has passed. */
  expire(): void {
    const error = new GrpcError(StatusCode.DEADLINE_EXCEEDED, `the deadline of ${this.#timeoutMs} ms has passed`)
    this.#fail(error)
    this.finish(error)
  }

  /**
   * The next message of the client; null when it has sent its last, and then the last one is still in use. Rejects once
   * the call has failed.
   */
  async receive(): Promise<Buffer | null> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const turn = this.#waiting.length === 0 ? undefined : this.#options.turns.take()
      if (turn !== undefined) {
        await turn
        continue
      }
      const message = this.#waiting.shift()
      if (message !== undefined) {
        this.#handOut(message)
        return message
      }
      if (this.#hasClientEnded) return null
      await this.#waitForMessages(1)
    }
  }

  /**
   * The message of a client that sends only one, once it has sent everything. Rejects with INVALID_ARGUMENT when there is
   * none or more than one, and once the call has failed.
   */
  async receiveOnly(): Promise<Buffer> {
    while (this.#failure === undefined && !this.#hasClientEnded && this.#waiting.length < 2) {
      await this.#waitForMessages(2)
    }
    if (this.#failure !== undefined) throw this.#failure
    const [message, second] = this.#waiting
    if (message === undefined || second !== undefined) {
      const what = message === undefined ? 'no message' : 'more than one message'
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, `${this.path}: the request has ${what}`)
    }
    this.#waiting.length = 0
    this.#handOut(message)
    return message
  }

  /**
   * Sends a message; waits while the client does not keep up. Rejects once the call has failed. `onTaken` is called once its
   * bytes have left, possibly later, unless the call ends before.
   */
  async send(message: EncodedMessage, onTaken?: () => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    await this.#write(frameMessage(message), onTaken)
  }

  /** Sends the only message of a response, and ends the call with OK; otherwise as {@link send}. */
  async sendOnly(message: EncodedMessage, onTaken?: () => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const chunks = frameMessage(message)
    const [body] = chunks
    if (body === undefined || chunks.length > 1) {
      await this.#write(chunks, onTaken)
      this.finish()
      return
    }
    // What is in one piece is a copy.
    onTaken?.()
    if (this.#markFinished(StatusCode.OK)) this.#stream.respondWith(RESPONSE_HEADERS, body, OK_TRAILERS)
  }

  /** Ends the call: with OK, or with another status. Does nothing when it has ended. */
  finish(status?: CallStatus): void {
    if (!this.#markFinished(status?.code ?? StatusCode.OK)) return
    if (status === undefined) {
      this.#respond()
      this.#stream.end(OK_TRAILERS)
      return
    }
    this.#stream.end(this.#hasResponded ? statusTrailers(status) : statusHeaders(status))
  }

  whenOver(callback: () => void): void {
    this.#whenOver ??= []
    this.#whenOver.push(callback)
  }

  reuse(bytes: Uint8Array): void {
    this.#options.buffers.giveBack(bytes)
  }

  /** Gives back the memory of what was received, and what the handler took. Must be called once the handler is done. */
  release(): void {
    if (this.#whenOver !== undefined) for (const callback of this.#whenOver) callback()
    this.#options.budget.giveBack(this.#handledBytes)
    this.#handledBytes = 0
    this.#dropReceived()
  }

  onData(chunk: Buffer): void {
    if (this.#endedWith !== undefined || this.#failure !== undefined) return
    try {
      for (const message of this.#parser.push(chunk)) {
        this.#waiting.push(this.#isKeptApart(message) ? Buffer.from(message) : message)
        this.#waitingBytes += message.byteLength
      }
    } catch (error) {
      this.#fail(error as GrpcError)
      return
    }
    if (this.#waiting.length >= this.#wantedMessages) this.#waits.endForMessages()
    if (this.#isFull) this.#pause()
  }

  onEnd(): void {
    if (this.#parser.isWithinMessage) {
      this.#fail(new GrpcError(StatusCode.INVALID_ARGUMENT, 'the request ends in the middle of a message'))
      return
    }
    this.#hasClientEnded = true
    this.#waits.endForMessages()
  }

  onDrain(): void {
    this.#isBlocked = false
    this.#waits.endForRoom()
  }

  onClose(isCancelled: boolean): void {
    if (isCancelled) this.#fail(new GrpcError(StatusCode.CANCELLED, 'the client cancelled the call'))
    this.#markFinished(StatusCode.CANCELLED)
  }

  /** Returns false when the call has ended before. */
  #markFinished(code: StatusCode): boolean {
    if (this.#endedWith !== undefined) return false
    this.#endedWith = code
    if (this.#timeoutMs !== undefined) this.#options.deadlines.delete(this)
    return true
  }

  #handOut({ byteLength }: Buffer): void {
    this.#waitingBytes -= byteLength
    this.#options.budget.giveBack(this.#handledBytes)
    this.#handledBytes = byteLength
    if (this.#isPaused && !this.#isFull) this.#resume()
  }

  async #write(chunks: readonly Uint8Array[], onTaken?: () => void): Promise<void> {
    this.#respond()
    this.#isBlocked = !this.#stream.write(chunks, onTaken)
    while (this.#isBlocked) {
      await this.#waits.forRoom()
      if (this.#failure !== undefined) throw this.#failure
    }
  }

  /** Resolves when there are so many messages, the client has sent everything, or the call has failed. */
  #waitForMessages(count: number): Promise<void> {
    this.#wantedMessages = count
    if (this.#isPaused && !this.#isFull) this.#resume()
    return this.#waits.forMessages()
  }

  /** A few share memory with what they arrived in; many small ones would keep a hundred times their size. */
  #isKeptApart({ byteLength }: Buffer): boolean {
    return this.#waiting.length >= MAX_SHARED_MESSAGES && byteLength < COPY_BELOW_BYTES
  }

  /** Told also by number: messages of zero bytes are messages. However large they are, never while more of them are waited for. */
  get #isFull(): boolean {
    const { length } = this.#waiting
    return length >= this.#wantedMessages && (this.#waitingBytes >= MAX_WAITING_BYTES || length >= MAX_WAITING_MESSAGES)
  }

  #respond(): void {
    if (this.#hasResponded) return
    this.#hasResponded = true
    this.#stream.respond(RESPONSE_HEADERS)
  }

  #pause(): void {
    this.#isPaused = true
    this.#stream.pause()
  }

  #resume(): void {
    this.#isPaused = false
    this.#stream.resume()
  }

  #dropReceived(): void {
    for (const message of this.#waiting) this.#options.budget.giveBack(message.byteLength)
    this.#waiting.length = 0
    this.#waitingBytes = 0
    this.#parser.abandon()
  }

  #fail(error: GrpcError): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#dropReceived()
    this.#controller?.abort(error)
    this.#isBlocked = false
    this.#waits.endForMessages()
    this.#waits.endForRoom()
  }
}
