import type { ClientRequest, IncomingMessage } from 'node:http'
import { connectionFailure, stalledFailure } from './http-errors.ts'

/** What an answer belongs to. */
export interface AnswerContext {
  readonly action: string
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * The answer to a request, whose body is read once, or closed.
 *
 * The connection is given back when the body was read to its end; closing ends the connection.
 */
export class HttpAnswer {
  readonly status: number
  readonly #request: ClientRequest
  readonly #response: IncomingMessage
  readonly #context: AnswerContext
  readonly #onAbort = (): void => this.close()
  #isParked = false

  constructor(request: ClientRequest, response: IncomingMessage, context: AnswerContext) {
    this.status = response.statusCode ?? 0
    this.#request = request
    this.#response = response
    this.#context = context
    const { signal } = context
    // Heard for as long as it lives: an error of a body that nobody reads must not end the process.
    response.on('error', () => undefined)
    if (signal === undefined) return
    signal.addEventListener('abort', this.#onAbort, { once: true })
    request.once('close', () => signal.removeEventListener('abort', this.#onAbort))
    if (signal.aborted) this.close()
  }

  header(name: string): string | undefined {
    const value = this.#response.headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }

  /** It lost its connection because nobody read it for longer than the idle timeout, and not by any failure. */
  get isParked(): boolean {
    return this.#isParked
  }

  /** Ends the connection, unless all was read. */
  close(): void {
    this.#request.destroy()
  }

  /** Reads the body as text, of which no more than `maxBytes` are kept. */
  async text(maxBytes: number = Number.MAX_SAFE_INTEGER): Promise<string> {
    const chunks: Uint8Array[] = []
    let keptBytes = 0
    for await (const chunk of this.chunks()) {
      chunks.push(chunk)
      keptBytes += chunk.byteLength
      if (keptBytes < maxBytes) continue
      this.close()
      break
    }
    return Buffer.concat(chunks).toString()
  }

  /**
   * Reads the body. Fails with a `TransientFailure` when it ends too early or stalls while somebody waits for it, and
   * with the signal's reason.
   */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { action, idleTimeoutMs, signal } = this.#context
    let isWaiting = true
    let hasStalled = false
    // One timer for all chunks: it fires a little late at worst.
    const timer = setTimeout(() => {
      hasStalled = isWaiting
      this.#isParked = !isWaiting
      this.close()
    }, idleTimeoutMs)
    try {
      for await (const chunk of this.#response as AsyncIterable<Uint8Array>) {
        isWaiting = false
        timer.refresh()
        yield chunk
        isWaiting = true
        timer.refresh()
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (hasStalled) throw stalledFailure(action, 'sent nothing', idleTimeoutMs)
      throw connectionFailure(error, action)
    } finally {
      clearTimeout(timer)
      // An answer that came before all of the request was sent leaves a connection that is good for nothing.
      if (!this.#request.writableFinished) this.close()
    }
  }
}
