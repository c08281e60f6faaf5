import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BufferPool } from '@caskade/core'
import type { ListenAddress } from '../config/listen-address.ts'
import type { HttpFrontend, HttpOperation } from '../frontends/http-frontend.ts'
import { listenOn } from '../listen-on.ts'
import { assertAcceptable } from './assert-acceptable.ts'
import { HttpExchange } from './http-exchange.ts'
import { failureOf, HttpRefusal } from './http-failure.ts'
import { RequestQueues } from './request-queues.ts'

/** How long a connection may stand still in the middle of a request, in milliseconds. */
const IDLE_TIMEOUT_MS = 300_000

/** How long a connection is kept for the next request, in milliseconds: longer than clients keep it, or they meet closed ones. */
const KEEP_ALIVE_MS = 125_000

/** How an {@link HttpServer} behaves. */
export interface HttpServerOptions {
  /** Further connections are closed at once. */
  readonly maxConnections: number
  /** How long a client may take for the head of a request, in milliseconds. Default: a minute. */
  readonly headersTimeoutMs?: number | undefined
  /** Hears of every request that failed for a reason of ours. */
  readonly onFailure: (exchange: HttpExchange, error: unknown) => void
  /** Hears of every request once its response is sent, or its client gone, with what it took, in seconds. Default: nobody does. */
  readonly onAnswered?: ((exchange: HttpExchange, seconds: number) => void) | undefined
}

/** Where an {@link HttpServer} listens. */
export interface ListenOptions extends ListenAddress {
  /** Whether other processes may listen there as well, which then share the connections. Default: false. */
  readonly reusePort?: boolean | undefined
}

/** A frontend, and what a request asks of it. */
interface Route {
  readonly frontend: HttpFrontend
  readonly operation: HttpOperation
}

/** Serves HTTP/1.1, handing each request to the frontend it is meant for. */
export class HttpServer {
  readonly #frontends: readonly HttpFrontend[]
  readonly #onFailure: (exchange: HttpExchange, error: unknown) => void
  readonly #onAnswered: HttpServerOptions['onAnswered']
  readonly #server: Server
  readonly #queues = new RequestQueues((exchange) => void this.#answer(exchange))
  readonly #onClosed = (exchange: HttpExchange): void => this.#close(exchange)
  readonly #buffers = new BufferPool()
  #isClosing = false

  constructor(
    frontends: readonly HttpFrontend[],
    { maxConnections, headersTimeoutMs = 60_000, onFailure, onAnswered }: HttpServerOptions,
  ) {
    this.#frontends = frontends
    this.#onFailure = onFailure
    this.#onAnswered = onAnswered
    this.#server = createServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      // A body may take as long as it needs, as long as it does not stand still.
      requestTimeout: 0,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: Math.min(headersTimeoutMs, 30_000),
    })
    this.#server.maxConnections = maxConnections
    this.#server.timeout = IDLE_TIMEOUT_MS
    this.#server.on('request', (request, response) => this.#receive(request, response, false))
    this.#server.on('checkContinue', (request, response) => this.#receive(request, response, true))
  }

  /** Starts listening. Rejects with the error of Node.js, such as EADDRINUSE. */
  listen({ host, port, reusePort = false }: ListenOptions): Promise<AddressInfo> {
    return listenOn(this.#server, { host, port, reusePort })
  }

  /** Refuses new requests, lets those under way finish until the deadline, then ends the rest. */
  async close(deadlineMs: number): Promise<void> {
    this.#isClosing = true
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    const deadline = setTimeout(() => this.#server.closeAllConnections(), deadlineMs)
    await closed
    clearTimeout(deadline)
  }

  #receive(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const options = { buffers: this.#buffers, onClosed: this.#onClosed, expectsContinue }
    this.#queues.add(new HttpExchange(request, response, options))
  }

  #close(exchange: HttpExchange): void {
    this.#onAnswered?.(exchange, (performance.now() - exchange.startedAt) / 1000)
    // Its client keeps the connection for a next request, which will not come.
    if (this.#isClosing) setImmediate(() => this.#server.closeIdleConnections())
    this.#queues.remove(exchange)
  }

  async #answer(exchange: HttpExchange): Promise<void> {
    let route: Route | undefined
    try {
      assertAcceptable(exchange)
      route = this.#route(exchange)
      await route.operation.answer()
    } catch (error) {
      try {
        this.#fail(exchange, error, route)
      } catch (failure) {
        this.#onFailure(exchange, failure)
        exchange.response.destroy()
      }
    }
  }

  #route(exchange: HttpExchange): Route {
    for (const frontend of this.#frontends) {
      const operation = frontend.route(exchange)
      if (operation === undefined) continue
      exchange.frontend = frontend.name
      return { frontend, operation }
    }
    throw new HttpRefusal(404, `nothing is served at ${exchange.path}`)
  }

  #fail(exchange: HttpExchange, error: unknown, route: Route | undefined): void {
    const { response, request } = exchange
    // The client is gone, which is why it failed; there is nobody to tell.
    if (exchange.isClosed || response.destroyed || request.errored) {
      response.destroy()
      return
    }
    const failure = failureOf(error)
    if (failure.status >= 500) this.#onFailure(exchange, error)
    if (response.headersSent) response.destroy()
    else if (route?.frontend.sendFailure === undefined) exchange.sendText(failure, failure.message)
    else route.frontend.sendFailure(exchange, failure, route.operation)
  }
}
