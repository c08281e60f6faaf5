/** What every operation accepts. */
export interface OperationOptions {
  /** Ends the operation early; it then rejects with the signal's reason itself. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Which part of a blob to read. */
export interface ReadOptions extends OperationOptions {
  /** First byte to read. Default: 0. Equal to the blob's size it gives zero bytes. */
  readonly offset?: number | undefined
  /** How many bytes to read at most; clipped at the end of the blob. Default: all that follow `offset`. */
  readonly length?: number | undefined
}
