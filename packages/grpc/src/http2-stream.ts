import type { ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2'
import { constants } from 'node:http2'
import type { HeaderFields } from './metadata.ts'
import type { StreamListener, TransportStream } from './transport-stream.ts'

// `sendDate` is understood by every Node.js that has http2, but missing from its types.
const WITH_TRAILERS: ServerStreamResponseOptions & { sendDate: boolean } = { waitForTrailers: true, sendDate: false }
const WITHOUT_BODY: ServerStreamResponseOptions & { sendDate: boolean } = { endStream: true, sendDate: false }

/** A request that arrived through `node:http2`. */
export class Http2TransportStream implements TransportStream {
  readonly headers: HeaderFields
  readonly peer: string
  readonly #stream: ServerHttp2Stream
  readonly #idleTimeoutMs: number
  #hasResponded = false
  #hasEnded = false

  /** `idleTimeoutMs`: how long a client may give no sign of life while it is its turn. */
  constructor(stream: ServerHttp2Stream, headers: HeaderFields, peer: string, idleTimeoutMs: number) {
    this.#stream = stream
    this.#idleTimeoutMs = idleTimeoutMs
    this.headers = headers
    this.peer = peer
  }

  listen(listener: StreamListener): void {
    const stream = this.#stream
    stream.on('data', (chunk: Buffer) => listener.onData(chunk))
    stream.on('end', () => listener.onEnd())
    stream.on('drain', () => listener.onDrain())
    stream.on('close', () => listener.onClose(!this.#hasEnded || stream.rstCode !== constants.NGHTTP2_NO_ERROR))
    // Not the callback of setTimeout, which is called once only.
    stream.on('timeout', () => this.#onIdle(listener))
    stream.setTimeout(this.#idleTimeoutMs)
    // A stream that breaks emits 'close' as well, which is what counts.
    stream.on('error', () => undefined)
  }

  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  respond(headers: HeaderFields): void {
    if (this.#stream.closed || this.#stream.destroyed) return
    this.#hasResponded = true
    this.#stream.respond(headers, WITH_TRAILERS)
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const stream = this.#stream
    if (!stream.writable) return true
    if (chunks.length > 1) stream.cork()
    for (const chunk of chunks) stream.write(chunk)
    if (chunks.length > 1) stream.uncork()
    return !stream.writableNeedDrain
  }

  end(trailers: HeaderFields): void {
    const stream = this.#stream
    if (stream.closed || stream.destroyed) return
    this.#hasEnded = true
    if (!this.#hasResponded) {
      stream.respond(trailers, WITHOUT_BODY)
      this.#stopClient()
      return
    }
    stream.once('wantTrailers', () => {
      if (stream.closed || stream.destroyed) return
      stream.sendTrailers(trailers)
      this.#stopClient()
    })
    stream.end()
  }

  /** Nothing moved on the stream for as long as it may, which matters only if it was up to the client for as long. */
  #onIdle({ waitingSinceMs = performance.now() }: StreamListener): void {
    const restMs = waitingSinceMs + this.#idleTimeoutMs - performance.now()
    if (restMs > 0) this.#stream.setTimeout(Math.ceil(restMs))
    else this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  /** Resets a stream on which the client is still sending; what it sends is not wanted any more (RFC 9113, 8.1). */
  #stopClient(): void {
    const stream = this.#stream
    stream.resume()
    if (stream.readableEnded) return
    // Node.js sends trailers with the next setImmediate; the reset must come after them.
    setImmediate(() => {
      setImmediate(() => {
        if (!stream.closed && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
      })
    })
  }
}
