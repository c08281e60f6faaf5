import type { CallContext } from './call-context.ts'
import { parseTimeout } from './deadline.ts'
import type { EncodedMessage } from './encoded-message.ts'
import { frameMessage } from './encoded-message.ts'
import { GrpcError } from './grpc-error.ts'
import { MessageParser } from './message-parser.ts'
import type { MessageTurns } from './message-turns.ts'
import { Metadata } from './metadata.ts'
import type { ReceiveBudget } from './receive-budget.ts'
import { StatusCode } from './status-code.ts'
import { errorTrailers, OK_TRAILERS, RESPONSE_HEADERS, TRAILERS_ONLY_HEADERS } from './response-headers.ts'
import type { StreamListener, TransportStream } from './transport-stream.ts'

/** With so many bytes of messages waiting for the handler, the client is made to wait. */
const MAX_WAITING_BYTES = 256 * 1024

/** The same for so many messages, however small. */
const MAX_WAITING_MESSAGES = 1024

/** What all calls of a server share. */
export interface ServerCallOptions {
  readonly maxMessageBytes: number
  readonly budget: ReceiveBudget
  readonly turns: MessageTurns
}

/** One call, message by message. Handlers see it through the kinds of method in `method.ts`. */
export class ServerCall implements CallContext, StreamListener {
  readonly path: string
  readonly metadata: Metadata
  readonly #stream: TransportStream
  readonly #parser: MessageParser
  readonly #budget: ReceiveBudget
  readonly #turns: MessageTurns
  readonly #waiting: Buffer[] = []
  readonly #whenOver: (() => void)[] = []
  #waitingBytes = 0
  /** The size of the message that the handler has. */
  #handledBytes = 0
  #isPaused = false
  #hasClientEnded = false
  #failure: GrpcError | undefined
  #hasResponded = false
  #isFinished = false
  #controller: AbortController | undefined
  #deadline: NodeJS.Timeout | undefined
  #wakeReceiver: (() => void) | undefined
  #wakeSender: (() => void) | undefined
  #isBlocked = false
  /** It may wait for messages and for room at the same time. */
  #waitCount = 0
  #waitingSinceMs: number | undefined

  constructor(stream: TransportStream, path: string, { maxMessageBytes, budget, turns }: ServerCallOptions) {
    this.path = path
    this.#stream = stream
    this.metadata = new Metadata(stream.headers)
    this.#parser = new MessageParser(maxMessageBytes, budget)
    this.#budget = budget
    this.#turns = turns
    stream.listen(this)
  }

  get peer(): string {
    return this.#stream.peer
  }

  get waitingSinceMs(): number | undefined {
    return this.#waitingSinceMs
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#failure !== undefined && !this.#controller.signal.aborted) this.#controller.abort(this.#failure)
    return this.#controller.signal
  }

  /** Starts the clock, if the client set a deadline. */
  startDeadline(): void {
    const timeout = this.metadata.get('grpc-timeout')
    if (timeout === undefined) return
    const timeoutMs = parseTimeout(timeout)
    this.#deadline = setTimeout(() => {
      const error = new GrpcError(StatusCode.DEADLINE_EXCEEDED, `the deadline of ${timeoutMs} ms has passed`)
      this.#fail(error)
      this.finish(error)
    }, timeoutMs)
  }

  /**
   * The next message of the client; null when it has sent its last, and then the last one is still in use. Rejects once
   * the call has failed.
   */
  async receive(): Promise<Buffer | null> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure
      const turn = this.#waiting.length === 0 ? undefined : this.#turns.take()
      if (turn !== undefined) {
        await turn
        continue
      }
      const message = this.#waiting.shift()
      if (message !== undefined) {
        this.#waitingBytes -= message.byteLength
        this.#budget.giveBack(this.#handledBytes)
        this.#handledBytes = message.byteLength
        if (this.#isPaused && !this.#isFull) this.#resume()
        return message
      }
      if (this.#hasClientEnded) return null
      await this.#waitForClient((resolve) => {
        this.#wakeReceiver = resolve
      })
    }
  }

  /** Sends a message; waits while the client does not keep up. Rejects once the call has failed. */
  async send(message: EncodedMessage): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    this.#respond()
    this.#isBlocked = !this.#stream.write(frameMessage(message))
    while (this.#isBlocked) {
      await this.#waitForClient((resolve) => {
        this.#wakeSender = resolve
      })
      if (this.#failure !== undefined) throw this.#failure
    }
  }

  /** Ends the call: with OK, or with the error. Does nothing when it has ended. */
  finish(error?: GrpcError): void {
    if (this.#isFinished) return
    this.#isFinished = true
    clearTimeout(this.#deadline)
    if (error === undefined) {
      this.#respond()
      this.#stream.end(OK_TRAILERS)
      return
    }
    const trailers = errorTrailers(error)
    this.#stream.end(this.#hasResponded ? trailers : { ...TRAILERS_ONLY_HEADERS, ...trailers })
  }

  whenOver(callback: () => void): void {
    this.#whenOver.push(callback)
  }

  /** Gives back the memory of what was received, and what the handler took. Must be called once the handler is done. */
  release(): void {
    for (const callback of this.#whenOver) callback()
    this.#budget.giveBack(this.#handledBytes)
    this.#handledBytes = 0
    this.#dropReceived()
  }

  onData(chunk: Buffer): void {
    if (this.#isFinished || this.#failure !== undefined) return
    try {
      for (const message of this.#parser.push(chunk)) {
        this.#waiting.push(message)
        this.#waitingBytes += message.byteLength
      }
    } catch (error) {
      this.#fail(error as GrpcError)
      return
    }
    if (this.#waiting.length > 0) this.#wakeReceiver?.()
    if (this.#isFull) this.#pause()
  }

  onEnd(): void {
    if (this.#parser.isWithinMessage) {
      this.#fail(new GrpcError(StatusCode.INVALID_ARGUMENT, 'the request ends in the middle of a message'))
      return
    }
    this.#hasClientEnded = true
    this.#wakeReceiver?.()
  }

  onDrain(): void {
    this.#isBlocked = false
    this.#wakeSender?.()
  }

  onClose(isCancelled: boolean): void {
    clearTimeout(this.#deadline)
    if (isCancelled) this.#fail(new GrpcError(StatusCode.CANCELLED, 'the client cancelled the call'))
    this.#isFinished = true
  }

  async #waitForClient(begin: (resolve: () => void) => void): Promise<void> {
    this.#waitCount += 1
    if (this.#waitCount === 1) this.#waitingSinceMs = performance.now()
    await new Promise<void>(begin)
    this.#waitCount -= 1
    if (this.#waitCount === 0) this.#waitingSinceMs = undefined
  }

  /** Told also by number: messages of zero bytes are messages. */
  get #isFull(): boolean {
    return this.#waitingBytes >= MAX_WAITING_BYTES || this.#waiting.length >= MAX_WAITING_MESSAGES
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
    for (const message of this.#waiting) this.#budget.giveBack(message.byteLength)
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
    this.#wakeReceiver?.()
    this.#wakeSender?.()
  }
}
