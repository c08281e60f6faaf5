import http from 'node:http'
import https from 'node:https'
import { ConnectionSlots } from './connection-slots.ts'
import { HttpAnswer } from './http-answer.ts'
import type { HttpCall } from './http-call.ts'
import { connectionFailure, stalledFailure } from './http-errors.ts'
import { sendContent } from './send-content.ts'

/** An idle connection is closed after so long, in milliseconds, before the other side does it at a bad moment. */
const KEEP_ALIVE_MS = 60_000

/** How connections are made. */
export interface TransportOptions {
  /** Where to, such as `https://storage.googleapis.com`; a path comes before that of every request. */
  readonly endpoint: string
  readonly maxConnections: number
  readonly idleTimeoutMs: number
}

/**
 * Exchanges requests and answers over connections of its own, which are kept, bounded in number, and never shared with
 * anybody else: ending one request ends its connection and no other.
 */
export class HttpTransport {
  readonly #endpoint: URL
  readonly #basePath: string
  readonly #library: typeof http | typeof https
  readonly #slots: ConnectionSlots
  readonly #maxConnections: number
  readonly #idleTimeoutMs: number
  #agent: http.Agent | undefined

  constructor({ endpoint, maxConnections, idleTimeoutMs }: TransportOptions) {
    this.#endpoint = new URL(endpoint)
    this.#basePath = this.#endpoint.pathname.replace(/\/+$/, '')
    this.#library = this.#endpoint.protocol === 'http:' ? http : https
    this.#slots = new ConnectionSlots(maxConnections)
    this.#maxConnections = maxConnections
    this.#idleTimeoutMs = idleTimeoutMs
  }

  /** How many requests wait for a connection. */
  get waiting(): number {
    return this.#slots.waiting
  }

  /** Ends the connections that nobody uses, and those that are in use. */
  close(): void {
    this.#agent?.destroy()
    this.#agent = undefined
  }

  /**
   * Sends a request and resolves to its answer, whatever the status; its body must be read, or the answer closed.
   *
   * Fails with a `TransientFailure` when the connection fails or stalls, with the signal's reason, and with what the
   * content itself fails with.
   */
  async exchange(call: HttpCall): Promise<HttpAnswer> {
    const release = await this.#slots.acquire(call.patience ?? call.signal)
    const request = this.#open(call, release)
    try {
      return await this.#converse(request, call)
    } catch (error) {
      request.destroy()
      call.signal?.throwIfAborted()
      throw error
    }
  }

  #open({ method, path, headers, body }: HttpCall, release: () => void): http.ClientRequest {
    try {
      const lengthBytes = body === undefined ? 0 : body instanceof Uint8Array ? body.byteLength : body.lengthBytes
      const length = method === 'GET' || method === 'DELETE' ? undefined : { 'content-length': String(lengthBytes) }
      const request = this.#library.request({
        host: this.#endpoint.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: this.#endpoint.port,
        agent: this.#agentInUse(),
        method,
        path: this.#basePath + path,
        headers: { ...headers, ...length },
      })
      // Whatever becomes of it, it closes.
      request.once('close', release)
      return request
    } catch (error) {
      release()
      throw error
    }
  }

  async #converse(request: http.ClientRequest, { action, body, signal }: HttpCall): Promise<HttpAnswer> {
    const { promise: answered, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
    // Heard even while the content is being sent.
    answered.catch(() => undefined)
    let isAnswered = false
    request.once('response', (response: http.IncomingMessage) => {
      isAnswered = true
      resolve(response)
    })
    request.on('error', (error) => reject(connectionFailure(error, action)))
    // Not after an answer, which is nearly always: an error with its stack costs a tenth of a request.
    request.once('close', () => {
      if (!isAnswered) reject(connectionFailure('it was closed', action))
    })
    const onAbort = (): void => void request.destroy()
    signal?.addEventListener('abort', onAbort, { once: true })
    const idleTimeoutMs = this.#idleTimeoutMs
    let timer: NodeJS.Timeout | undefined
    try {
      if (body === undefined || body instanceof Uint8Array) request.end(body)
      else await sendContent(request, body, { action, answered, idleTimeoutMs, signal })
      timer = setTimeout(() => reject(stalledFailure(action, 'did not answer', idleTimeoutMs)), idleTimeoutMs)
      return new HttpAnswer(request, await answered, { action, idleTimeoutMs, signal })
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #agentInUse(): http.Agent {
    this.#agent ??= new this.#library.Agent({
      keepAlive: true,
      maxSockets: this.#maxConnections,
      maxFreeSockets: this.#maxConnections,
      scheduling: 'lifo',
      timeout: KEEP_ALIVE_MS,
    })
    return this.#agent
  }
}
