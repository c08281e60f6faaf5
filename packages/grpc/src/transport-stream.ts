import type { HeaderFields } from './metadata.ts'

/** What a transport tells of one request. */
export interface StreamListener {
  /** Since when it cannot go on without the client, by `performance.now()`; undefined while it is not the client's turn. */
  readonly waitingSinceMs: number | undefined
  /** Bytes of the body arrived; they may share memory with other streams' and must not be written to. */
  onData(chunk: Buffer): void
  /** The client has sent everything. */
  onEnd(): void
  /** Writing may go on after {@link TransportStream.write} said to wait. */
  onDrain(): void
  /** The stream is over. `isCancelled` when the client ended it, or the connection broke, before it was complete. */
  onClose(isCancelled: boolean): void
}

/** One request and its response, whatever carries them. */
export interface TransportStream {
  /** The request's headers, pseudo headers included. */
  readonly headers: HeaderFields
  /** The client's address, such as `127.0.0.1:50123`. */
  readonly peer: string
  /** Starts the delivery of what arrives. Must be called once, synchronously when the stream is handed over. */
  listen(listener: StreamListener): void
  /** Stops and resumes the delivery of data, which makes the client wait once its window is used up. */
  pause(): void
  resume(): void
  /** Sends the response's headers. */
  respond(headers: HeaderFields): void
  /**
   * Sends bytes of the body. Returns false when the caller should wait for `onDrain` before it sends more. `onTaken` is called
   * once nobody needs the chunks any more, unless the stream ends before.
   */
  write(chunks: readonly Uint8Array[], onTaken?: () => void): boolean
  /** Sends a whole response at once, as `respond`, `write` and `end` would. To be used where all of it is small. */
  respondWith(headers: HeaderFields, body: Uint8Array, trailers: HeaderFields): void
  /** Ends the response, and tells a client that is still sending to stop. Without `respond` before, sends headers and trailers in one. */
  end(trailers: HeaderFields): void
}
