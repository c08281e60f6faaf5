import type { ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2'
import { constants } from 'node:http2'
import type { HeaderFields } from './metadata.ts'
import type { StreamListener, TransportStream } from './transport-stream.ts'

// `sendDate` is understood by every Node.js that has http2, but missing from its types.
const WITH_TRAILERS: ServerStreamResponseOptions & { sendDate: boolean } = { waitForTrailers: true, sendDate: false }
const WITHOUT_BODY: ServerStreamResponseOptions & { sendDate: boolean } = { endStream: true, sendDate: false }

/**
 * A request that arrived through `node:http2`. Listeners are added only when what they wait for can happen: Node.js announces
 * each to the stream itself, which makes one cost as much as reading a header.
 */
export class Http2TransportStream implements TransportStream {
  readonly headers: HeaderFields
  readonly peer: string
  readonly #stream: ServerHttp2Stream
  readonly #open: Set<Http2TransportStream>
  #listener: StreamListener | undefined
  #hasResponded = false
  #hasEnded = false
  #isDrainAwaited = false
  #isWatched = false

  /** `open`: those that are not over; it is among them until it is. */
  constructor(stream: ServerHttp2Stream, headers: HeaderFields, peer: string, open: Set<Http2TransportStream>) {
    this.#stream = stream
    this.#open = open
    this.headers = headers
    this.peer = peer
  }

  listen(listener: StreamListener): void {
    const stream = this.#stream
    this.#listener = listener
    this.#open.add(this)
    stream.on('data', (chunk: Buffer) => listener.onData(chunk))
    stream.on('end', () => listener.onEnd())
    stream.on('close', () => {
      this.#open.delete(this)
      listener.onClose(!this.#hasEnded || stream.rstCode !== constants.NGHTTP2_NO_ERROR)
    })
    // A stream that breaks emits 'close' as well, which is what counts.
    stream.on('error', doNothing)
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
    if (!stream.writableNeedDrain) return true
    this.#awaitDrain()
    return false
  }

  respondWith(headers: HeaderFields, body: Uint8Array, trailers: HeaderFields): void {
    const stream = this.#stream
    if (stream.closed || stream.destroyed) return
    this.#hasResponded = true
    stream.respond(headers, WITH_TRAILERS)
    this.#sendTrailersAfter(trailers)
    stream.end(body)
  }

  end(trailers: HeaderFields): void {
    const stream = this.#stream
    if (stream.closed || stream.destroyed) return
    if (this.#hasResponded) {
      this.#sendTrailersAfter(trailers)
      stream.end()
      return
    }
    this.#hasEnded = true
    stream.respond(trailers, WITHOUT_BODY)
    this.#stopClient()
  }

  /**
   * Cancels the request once nothing has moved on it for so long while it was the client's turn, in milliseconds. To be called
   * for requests that have been there for a while already: most are gone before there is any need to watch them.
   */
  watch(idleTimeoutMs: number): void {
    if (this.#isWatched) return
    this.#isWatched = true
    // Not the callback of setTimeout, which is called once only.
    this.#stream.on('timeout', () => this.#onIdle(idleTimeoutMs))
    this.#stream.setTimeout(idleTimeoutMs)
  }

  #sendTrailersAfter(trailers: HeaderFields): void {
    const stream = this.#stream
    this.#hasEnded = true
    stream.on('wantTrailers', () => {
      if (stream.closed || stream.destroyed) return
      stream.sendTrailers(trailers)
      this.#stopClient()
    })
  }

  #awaitDrain(): void {
    if (this.#isDrainAwaited) return
    this.#isDrainAwaited = true
    this.#stream.on('drain', () => this.#listener?.onDrain())
  }

  /** Nothing moved on the stream for as long as it may, which matters only if it was up to the client for as long. */
  #onIdle(idleTimeoutMs: number): void {
    const now = performance.now()
    const restMs = (this.#listener?.waitingSinceMs ?? now) + idleTimeoutMs - now
    if (restMs > 0) this.#stream.setTimeout(Math.ceil(restMs))
    else this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  /** Resets a stream on which the client is still sending; what it sends is not wanted any more (RFC 9113, 8.1). */
  #stopClient(): void {
    const stream = this.#stream
    if (stream.readableEnded) return
    stream.resume()
    // Node.js sends trailers with the next setImmediate; the reset must come after them.
    setImmediate(() => {
      setImmediate(() => {
        if (!stream.closed && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
      })
    })
  }
}

function doNothing(): void {}
