import type { Http2Server, Http2Session, ServerHttp2Session } from 'node:http2'
import { createServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { GrpcServer } from './grpc-server.ts'
import { Http2TransportStream } from './http2-stream.ts'

/** How much a client may send on one stream before the handler has taken it, in bytes. */
const STREAM_WINDOW_BYTES = 1024 * 1024

/** The same for all streams of a connection together. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024

/** So often within the time that a client may be idle, the calls that are open begin to be watched. */
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

/** Serves gRPC over HTTP/2 in plain text, on `node:http2`. */
export class Http2GrpcServer {
  readonly #server: Http2Server
  /** The open connections, and the address of each client. */
  readonly #peers = new Map<Http2Session, string>()
  /** The calls that are not over. */
  readonly #streams = new Set<Http2TransportStream>()
  readonly #idleTimeoutMs: number
  #watcher: NodeJS.Timeout | undefined

  constructor(
    grpc: GrpcServer,
    { maxConnections = 10_000, maxConcurrentStreams = 256, idleTimeoutMs = 300_000 }: Http2ServerOptions = {},
  ) {
    this.#idleTimeoutMs = idleTimeoutMs
    this.#server = createServer({
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams, maxFrameSize: 64 * 1024 },
      // In MB, per connection: what the streams may buffer, or new ones are refused.
      maxSessionMemory: 512,
      maxSessionInvalidFrames: 100,
    })
    this.#server.maxConnections = maxConnections
    this.#server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true)
      // Finds out about clients that vanished without closing their connection.
      socket.setKeepAlive(true, 60_000)
    })
    this.#server.on('session', (session) => this.#adopt(session))
    this.#server.on('stream', (stream, headers) => {
      const peer = (stream.session && this.#peers.get(stream.session)) ?? 'unknown'
      grpc.handle(new Http2TransportStream(stream, headers, peer, this.#streams))
    })
    // A connection that breaks is its client's loss; there is nothing to do here.
    this.#server.on('sessionError', () => undefined)
  }

  /** Starts listening. Rejects with the error of Node.js, such as EADDRINUSE. */
  async listen({ host, port, reusePort = false }: ListenOptions): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen({ port, host, reusePort }, resolve)
    await promise
    this.#server.off('error', reject)
    this.#watcher = setInterval(() => {
      for (const stream of this.#streams) stream.watch(this.#idleTimeoutMs)
    }, this.#idleTimeoutMs / LOOKS_PER_IDLE_TIMEOUT).unref()
    return this.#server.address() as AddressInfo
  }

  /** Refuses new calls, lets those under way finish until the deadline, then ends the rest. */
  async close(deadlineMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    for (const session of this.#peers.keys()) session.close()
    const deadline = setTimeout(() => {
      for (const session of this.#peers.keys()) session.destroy()
    }, deadlineMs)
    await closed
    clearTimeout(deadline)
    clearInterval(this.#watcher)
  }

  #adopt(session: ServerHttp2Session): void {
    const { socket } = session
    this.#peers.set(session, `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`)
    session.on('close', () => this.#peers.delete(session))
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
  }
}
