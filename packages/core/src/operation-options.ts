/** What every operation accepts. */
export interface OperationOptions {
  /** Ends the operation early; it then rejects with the signal's reason itself. Default: none. */
  readonly signal?: AbortSignal | undefined
}

/** Lends buffers to read into. */
export interface ChunkBuffers {
  /** A buffer of exactly so many bytes, with whatever in it. One that is not given back is the garbage collector's. */
  take(sizeBytes: number): Uint8Array
}

/** How whole blobs are read. */
export interface WholeReadOptions extends OperationOptions {
  /**
   * Where a storage may take the buffers for chunks, one for each chunk. The reader of the blob uses them again once it is done
   * with a chunk, so a storage that keeps a chunk, or hands it on to somebody else as well, must not. Default: new ones.
   */
  readonly buffers?: ChunkBuffers | undefined
}

/** Which part of a blob to read, and into what. */
export interface ReadOptions extends WholeReadOptions {
  /** First byte to read. Default: 0. Equal to the blob's size it gives zero bytes. */
  readonly offset?: number | undefined
  /** How many bytes to read at most; clipped at the end of the blob. Default: all that follow `offset`. */
  readonly length?: number | undefined
}
