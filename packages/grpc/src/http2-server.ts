import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { GrpcServer } from './grpc-server.ts'
import { Http2Connection } from './http2/connection.ts'

/** So many bytes may wait in a socket before nothing further is written to it. */
const SOCKET_BUFFER_BYTES = 512 * 1024

/** After so long without any traffic it is found out whether a client is still there, in milliseconds. */
const KEEP_ALIVE_MS = 60_000

/** So often within the time that a client may be idle, it is looked whether one is. */
const LOOKS_PER_IDLE_TIMEOUT = 4

/** How an {@link Http2GrpcServer} behaves. */
export interface Http2ServerOptions {
  /** How many connections may be open; further ones are closed at once. Default: 10,000. */
  readonly maxConnections?: number | undefined
  /** How many calls a client may have open on one connection. Default: 256. */
  readonly maxConcurrentStreams?: number | undefined
  /**
   * A call whose client has sent nothing that was waited for, or taken nothing that was sent, for so long is cancelled, in
   * milliseconds, or up to a quarter as long again. Default: 5 minutes.
   */
  readonly idleTimeoutMs?: number | undefined
}

/** Where a server listens. */
export interface ListenOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  /** Whether other processes may listen there as well, which then share the connections. Default: false. */
  readonly reusePort?: boolean | undefined
}

/** Serves gRPC over HTTP/2 in plain text (RFC 9113, "prior knowledge"). */
export class Http2GrpcServer {
  readonly #server: Server
  readonly #connections = new Set<Http2Connection>()
  readonly #idleTimeoutMs: number
  #watcher: NodeJS.Timeout | undefined

  constructor(
    grpc: Pick<GrpcServer, 'handle'>,
    { maxConnections = 10_000, maxConcurrentStreams = 256, idleTimeoutMs = 300_000 }: Http2ServerOptions = {},
  ) {
    this.#idleTimeoutMs = idleTimeoutMs
    const socketOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
    this.#server = createServer({ ...socketOptions, highWaterMark: SOCKET_BUFFER_BYTES }, (socket: Socket) => {
      const connection = new Http2Connection(socket, {
        maxConcurrentStreams,
        onRequest: (stream) => grpc.handle(stream),
      })
      this.#connections.add(connection)
      socket.once('close', () => this.#connections.delete(connection))
    })
    this.#server.maxConnections = maxConnections
  }

  /** Starts listening. Rejects with the error of Node.js, such as EADDRINUSE. */
  async listen({ host, port, reusePort = false }: ListenOptions): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ port, host, reusePort }, resolve)
    await promise
    this.#server.off('error', reject)
    this.#watcher = setInterval(() => this.#watch(), this.#idleTimeoutMs / LOOKS_PER_IDLE_TIMEOUT).unref()
    return this.#server.address() as AddressInfo
  }

  /** Refuses new calls, lets those under way finish until the deadline, then ends the rest. */
  async close(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    for (const connection of this.#connections) connection.close()
    const deadline = setTimeout(() => {
      for (const connection of this.#connections) connection.destroy()
    }, deadlineMs)
    await closed
    clearTimeout(deadline)
    clearInterval(this.#watcher)
  }

  #watch(): void {
    const now = performance.now()
    for (const connection of this.#connections) connection.watch(now, this.#idleTimeoutMs)
  }
}
