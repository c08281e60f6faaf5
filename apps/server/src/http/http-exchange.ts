import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { BufferPool } from '@caskade/core'
import { StorageError } from '@caskade/core'

/** How long, and how much, an unwanted body is still read after it was refused. */
const LINGER_MS = 2000
const LINGER_BYTES = 32 * 1024 * 1024

/** What comes before the path in a request that was meant for a proxy (RFC 9112, section 3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]*/i

/** The answers that have no body, and therefore no length (RFC 9110, section 8.6). */
const BODILESS = new Set([204, 304])

/** What accompanies the body of a response. */
export interface ResponseHead {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>> | undefined
}

/** What an exchange needs besides the request and the response. */
export interface HttpExchangeOptions {
  readonly buffers: BufferPool
  /** Called once the response is sent, or the client gone. */
  readonly onClosed: (exchange: HttpExchange) => void
  /** The client waits to be told that its body is wanted. */
  readonly expectsContinue: boolean
}

/** One HTTP request and its response. */
export class HttpExchange {
  /** When it began, by `performance.now()`. */
  readonly startedAt: number = performance.now()
  readonly method: string
  /** The path as the client wrote it: nothing is decoded, and no `..` resolved. */
  readonly path: string
  /** What the client wrote after the path. */
  readonly #query: string
  readonly headers: IncomingHttpHeaders
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** For what is read to be sent. */
  readonly buffers: BufferPool
  /** The name of the frontend that answers; undefined until one is found. */
  frontend: string | undefined
  /** The client waits to be told that its body is wanted, and was not told yet. */
  #isHeldBack: boolean
  #controller: AbortController | undefined
  #departure: PromiseWithResolvers<void> | undefined
  /** A buffer that is given back once the response has left. */
  #lent: Uint8Array | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { buffers, onClosed, expectsContinue }: HttpExchangeOptions,
  ) {
    this.method = request.method ?? 'GET'
    const url = request.url ?? '/'
    const target = url.startsWith('/') ? url : url.replace(ORIGIN, '')
    const pathLength = target.indexOf('?')
    this.path = pathLength === -1 ? target : target.slice(0, pathLength)
    this.#query = pathLength === -1 ? '' : target.slice(pathLength + 1)
    this.headers = request.headers
    this.request = request
    this.response = response
    this.buffers = buffers
    this.#isHeldBack = expectsContinue
    // One listener for everything, which is made for each request.
    response.on('close', () => {
      this.#close()
      onClosed(this)
    })
  }

  /** The address of the client, such as `127.0.0.1:50123`. */
  get peer(): string {
    const { remoteAddress = '', remotePort = 0 } = this.request.socket
    return `${remoteAddress}:${remotePort}`
  }

  /** Aborted when the client goes away before it has the whole response. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.response.closed) this.#controller.abort(goneError())
    }
    return this.#controller.signal
  }

  /** Whether the client went away, or the response has left. */
  get isClosed(): boolean {
    return this.response.closed
  }

  /** What the client asks for by name, after the path. */
  get query(): URLSearchParams {
    return new URLSearchParams(this.#query)
  }

  /** The length that the client announces for its body; undefined when it does not. */
  get contentLength(): number | undefined {
    const length = this.headers['content-length']
    return length === undefined ? undefined : Number(length)
  }

  /** Whether the client wants to write only what is not there yet (RFC 9110, section 13.1.2). */
  get isOnlyIfAbsent(): boolean {
    return this.headers['if-none-match']?.trim() === '*'
  }

  /** The body of the request; asking for it tells a client that waits for it to send it. */
  body(): AsyncIterable<Buffer> {
    if (this.#isHeldBack) this.response.writeContinue()
    this.#isHeldBack = false
    // Without destroying the connection when the body is given up: the client is to be told why.
    return this.request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  }

  /**
   * Reads the body of the request to its end and forgets it, for clients that take a connection that ends early for a failure.
   * A client that waits to be told that its body is wanted is not told so.
   *
   * @throws StorageError `too-large` beyond `maxBytes`.
   */
  async discardBody(maxBytes: number): Promise<void> {
    if (this.#isHeldBack) return
    let rest = maxBytes
    for await (const { byteLength } of this.body()) {
      rest -= byteLength
      if (rest < 0) throw new StorageError('too-large', `the body exceeds ${maxBytes} bytes`)
    }
  }

  /** Answers with a line of text, or none for HEAD. */
  sendText(head: ResponseHead, text: string): void {
    this.sendBody(head, 'text/plain; charset=utf-8', `${text}\n`)
  }

  /** Answers with a value as JSON, or without it for HEAD. */
  sendJson(head: ResponseHead, value: unknown): void {
    this.sendBody(head, 'application/json', JSON.stringify(value))
  }

  /** Answers with a short body, or none for HEAD. The body of the request need not have been read. */
  sendBody({ status, headers }: ResponseHead, contentType: string, content: string | Uint8Array): void {
    const body = Buffer.from(content)
    const isBodyUnread = this.#isBodyUnread()
    this.response.writeHead(status, {
      'content-type': contentType,
      'content-length': body.byteLength,
      // A body that nobody read would be taken for the next request; so the connection ends with this one.
      ...(isBodyUnread && { connection: 'close' }),
      ...headers,
    })
    if (this.method !== 'HEAD') this.response.write(body)
    if (isBodyUnread && !this.#isHeldBack) this.#endAfterLingering()
    else this.response.end()
  }

  /** Answers a request whose body was read with nothing but a status. */
  sendEmpty({ status, headers }: ResponseHead): void {
    this.response.writeHead(status, { ...(!BODILESS.has(status) && { 'content-length': 0 }), ...headers })
    this.response.end()
  }

  /** Ends the response with what is left of its body. A buffer of the exchange is given back once it has left. */
  endWith(content: Uint8Array | undefined): void {
    this.#lent = content
    this.response.end(content)
  }

  /** Resolves once a response that was ended has left; rejects with the reason of {@link signal} when the client goes away before. */
  async departure(): Promise<void> {
    if (this.response.writableFinished) return
    this.signal.throwIfAborted()
    this.#departure ??= Promise.withResolvers<void>()
    await this.#departure.promise
  }

  #close(): void {
    if (this.response.writableFinished) {
      if (this.#lent !== undefined) this.buffers.giveBack(this.#lent)
      this.#departure?.resolve()
      return
    }
    const error = goneError()
    this.#controller?.abort(error)
    this.#departure?.reject(error)
  }

  #isBodyUnread(): boolean {
    const hasBody = 'transfer-encoding' in this.headers || (this.contentLength ?? 0) > 0
    return hasBody && !this.request.complete
  }

  /**
   * Goes on reading for a moment: many clients look for an answer only once their body is sent, and closing a connection
   * with unread data resets it, which takes the answer back.
   */
  #endAfterLingering(): void {
    const { request, response } = this
    const end = (): void => {
      clearTimeout(deadline)
      response.end()
    }
    const deadline = setTimeout(end, LINGER_MS)
    let rest = LINGER_BYTES
    request.on('data', (chunk: Buffer) => {
      rest -= chunk.byteLength
      if (rest < 0) end()
    })
    request.once('end', end)
    request.once('close', end)
    request.resume()
  }
}

function goneError(): Error {
  return new Error('the client went away')
}
