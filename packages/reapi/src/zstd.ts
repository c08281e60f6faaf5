import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import type { BlobReader, Digest } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'

/** The largest window a compressed upload may ask for: 8 MiB, which every encoder stays within unless told otherwise (RFC 8878, 3.1.1.1.2). */
const MAX_WINDOW_LOG = 23

/** How hard downloads are compressed: the fastest regular level, since they are compressed anew for each client. */
const COMPRESSION_LEVEL = 1

const COMPRESSION = { params: { [zlib.constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL } }

const DECOMPRESSION = { params: { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG } }

/** Blobs up to this many bytes are compressed on the event loop: that takes up to 0.1 ms, and a trip to the thread pool as much besides. */
const AT_ONCE_BYTES = 64 * 1024

/** How much longer than the blob the frame may be: for content that does not get smaller. */
const FRAME_BYTES = 1024

const compressBytes = promisify(zlib.zstdCompress)
const decompressBytes = promisify(zlib.zstdDecompress)

/** What compressing a blob as a stream takes in memory at most, in bytes: measured, the chunks on their way included. */
export function encoderBytes({ sizeBytes }: Digest): number {
  return Math.min(768 * 1024, 128 * 1024 + 2 * sizeBytes)
}

/** Compresses a small blob. */
export async function compressSmall(bytes: Uint8Array): Promise<Buffer> {
  return bytes.byteLength <= AT_ONCE_BYTES ? compressAtOnce(bytes) : compressBytes(bytes, COMPRESSION)
}

function compressAtOnce(bytes: Uint8Array): Buffer {
  const { byteLength } = bytes
  return zlib.zstdCompressSync(bytes, {
    ...COMPRESSION,
    pledgedSrcSize: byteLength,
    chunkSize: byteLength + FRAME_BYTES,
  })
}

/**
 * Decompresses a small blob, never to more than `sizeBytes`.
 *
 * @throws GrpcError `INVALID_ARGUMENT` when it is more, or malformed.
 */
export async function decompressSmall(bytes: Uint8Array, sizeBytes: number): Promise<Buffer> {
  try {
    // The limit must be positive, so that an empty blob is checked by its digest alone.
    return await decompressBytes(bytes, { ...DECOMPRESSION, maxOutputLength: Math.max(sizeBytes, 1) })
  } catch (error) {
    throw malformed(error)
  }
}

/** Compresses what a reader delivers. */
export async function* compress(reader: BlobReader): AsyncGenerator<Uint8Array, void, undefined> {
  if (reader.sizeBytes <= AT_ONCE_BYTES) {
    yield compressAtOnce(await reader.bytes())
    return
  }
  const encoder = zlib.createZstdCompress({
    ...COMPRESSION,
    pledgedSrcSize: reader.sizeBytes,
    chunkSize: 128 * 1024,
  })
  const feeding = feed(encoder, reader)
  try {
    for await (const chunk of encoder) yield chunk as Buffer
    await feeding
  } finally {
    encoder.destroy()
    await feeding.catch(() => undefined)
  }
}

async function feed(encoder: Transform, reader: BlobReader): Promise<void> {
  try {
    for await (const chunk of reader) await write(encoder, chunk)
    encoder.end()
  } catch (error) {
    encoder.destroy(error instanceof Error ? error : new Error(String(error)))
    throw error
  }
}

/** Decompresses what is written to it, handing on the output as it comes; a slow consumer makes the writer wait. */
export class ZstdDecoder {
  readonly #decoder = zlib.createZstdDecompress(DECOMPRESSION)
  readonly #consuming: Promise<void>
  #failure: unknown
  #failWrite: ((reason: unknown) => void) | undefined

  constructor(consume: (chunk: Buffer) => Promise<void>) {
    this.#consuming = this.#consume(consume)
    // Whoever writes next, or ends, hears of a failure.
    this.#consuming.catch((error: unknown) => {
      this.#failure = error
      this.#failWrite?.(error)
    })
  }

  /** Takes compressed bytes. Rejects with what the consumer failed with, or `INVALID_ARGUMENT` when they are malformed. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // A decoder that is destroyed while it waits for its consumer never calls back, so the failure does.
    this.#failWrite = reject
    this.#decoder.write(chunk, (error) => {
      if (!error) resolve()
    })
    await promise
  }

  /** Waits until all output was consumed. */
  async end(): Promise<void> {
    this.#decoder.end()
    await this.#consuming
  }

  destroy(): void {
    this.#decoder.destroy()
  }

  async #consume(consume: (chunk: Buffer) => Promise<void>): Promise<void> {
    const chunks = this.#decoder[Symbol.asyncIterator]()
    try {
      for (;;) {
        const result = await chunks.next().catch((error: unknown) => {
          throw malformed(error)
        })
        if (result.done === true) return
        await consume(result.value as Buffer)
      }
    } finally {
      this.#decoder.destroy()
    }
  }
}

function write(stream: Transform, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // An encoder that is destroyed while it waits for its consumer never calls back; but it says that it is closed.
    const onClose = (): void => reject(new Error('the encoder was closed'))
    stream.once('close', onClose)
    stream.write(chunk, (error) => {
      stream.off('close', onClose)
      if (error) reject(error)
      else resolve()
    })
  })
}

function malformed(error: unknown): GrpcError {
  if (GrpcError.is(error)) return error
  const isTooLong = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
  const reason = isTooLong ? 'it decompresses to more than its digest says' : String(error)
  return new GrpcError(StatusCode.INVALID_ARGUMENT, `zstd data cannot be used: ${reason}`, { cause: error })
}
