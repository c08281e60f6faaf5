/** A request. */
export interface HttpCall {
  /** What it is for, such as `getBlob cas/sha256/ab...`; begins the messages of errors. */
  readonly action: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query, encoded. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What is sent. Default: nothing. */
  readonly body?: Uint8Array | HttpContent | undefined
  readonly signal?: AbortSignal | undefined
  /**
   * Ends the waiting for a connection and for a repetition, but not the request once it is on its way. For requests that
   * must not take effect after somebody was told that they were given up. Default: `signal`.
   */
  readonly patience?: AbortSignal | undefined
}

/** A body that is made while it is sent. */
export interface HttpContent {
  readonly lengthBytes: number
  /**
   * Begins to make it; aborting the signal ends that at once. Its errors are those of whoever makes it and are passed on
   * as they are; the last piece must come only when everything before it is known to be right, because nothing is
   * complete without it.
   */
  open(signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined>
}
