import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'

/** What accompanies the body of a response. */
export interface ResponseHead {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>> | undefined
}

/** One HTTP request and its response. */
export class HttpExchange {
  readonly method: string
  /** The path as the client wrote it: nothing is decoded, and no `..` resolved. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly #expectsContinue: boolean
  #controller: AbortController | undefined

  /** `expectsContinue`: the client waits to be told that its body is wanted. */
  constructor(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean) {
    this.method = request.method ?? 'GET'
    this.path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    this.headers = request.headers
    this.request = request
    this.response = response
    this.#expectsContinue = expectsContinue
  }

  /** Aborted when the client goes away before it has the whole response. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController()
      this.#controller = controller
      const abort = (): void => controller.abort(new Error('the client went away'))
      if (this.response.closed) abort()
      this.response.once('close', () => {
        if (!this.response.writableFinished) abort()
      })
    }
    return this.#controller.signal
  }

  /** The length that the client announces for its body; undefined when it does not, or not as a number. */
  get contentLength(): number | undefined {
    const length = Number(this.headers['content-length'] ?? Number.NaN)
    return Number.isSafeInteger(length) ? length : undefined
  }

  /** The body of the request; asking for it tells a client that waits for it to send it. */
  body(): AsyncIterable<Buffer> {
    if (this.#expectsContinue) this.response.writeContinue()
    return this.request
  }

  /** Answers with a line of text, or none for HEAD. */
  sendText({ status, headers }: ResponseHead, text: string): void {
    const body = Buffer.from(`${text}\n`)
    this.response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': body.byteLength,
      ...this.#closeUnlessRead(),
      ...headers,
    })
    this.response.end(this.method === 'HEAD' ? undefined : body)
  }

  /** Answers without a body. */
  sendEmpty({ status, headers }: ResponseHead): void {
    this.response.writeHead(status, { 'content-length': 0, ...this.#closeUnlessRead(), ...headers })
    this.response.end()
  }

  /** A body that nobody read would be taken for the next request; so the connection ends with this one. */
  #closeUnlessRead(): Record<string, string> {
    const isRead = this.request.complete || this.contentLength === 0 || this.#hasNoBody()
    return isRead ? {} : { connection: 'close' }
  }

  #hasNoBody(): boolean {
    return this.headers['content-length'] === undefined && this.headers['transfer-encoding'] === undefined
  }
}
