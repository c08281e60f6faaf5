import type { BlobReader } from './blob-reader.ts'
import { readerFromBytes } from './blob-reader.ts'
import { BufferParts } from './buffer-parts.ts'
import type { Digest } from './digest.ts'
import { formatDigest } from './digest.ts'
import { assertComputable } from './hashing.ts'
import { abortable } from './abortable.ts'
import type { ChunkBuffers, OperationOptions } from './operation-options.ts'
import { StorageError } from './storage-error.ts'

/**
 * Content that can be read from its start as often as needed, so that two storages can each read it.
 *
 * {@link sourceFromBytes} and {@link WriteSession} make them; a program may bring its own.
 */
export interface BlobSource {
  /** Exact length of the content in bytes. */
  readonly sizeBytes: number
  /**
   * A file that holds exactly the content and will never be modified in place: a storage may hard link or copy it, and
   * never moves it. Leave it out for files that somebody may write to.
   */
  readonly filePath?: string | undefined
  /** Starts a fresh read of the whole content. */
  open(options?: SourceOptions): BlobReader
}

/** How a source is opened. */
export interface SourceOptions extends OperationOptions {
  /**
   * Where it may take the buffers for its chunks: one for each, when the one before was handed out, and not to be written to once
   * it is handed out itself. Default: new ones.
   */
  readonly buffers?: ChunkBuffers | undefined
}

/** Makes a source of bytes in memory, which must not change until the write they are given to has ended. */
export function sourceFromBytes(bytes: Uint8Array): BlobSource {
  return new BytesSource(bytes)
}

/** The content of a source that {@link sourceFromBytes} made; undefined for any other. */
export function bytesOfSource(source: BlobSource): Uint8Array | undefined {
  return BytesSource.bytesOf(source)
}

class BytesSource implements BlobSource {
  readonly sizeBytes: number
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.sizeBytes = bytes.byteLength
    this.#bytes = bytes
  }

  static bytesOf(source: BlobSource): Uint8Array | undefined {
    return #bytes in source ? source.#bytes : undefined
  }

  // A property of its own, so that a copy made of the source can be opened as well.
  readonly open = (options?: OperationOptions): BlobReader => readerFromBytes(this.#bytes, options)
}

/**
 * Checks that a source can be stored as `digest`; every storage does so before anything else.
 *
 * @throws StorageError `invalid-argument` when it announces another size than the digest says, `unsupported` when the
 * digest function cannot be computed here: nobody could ever read such a blob, because reading verifies.
 */
export function assertStorable(source: BlobSource, digest: Digest): void {
  assertComputable(digest.digestFunction)
  if (source.sizeBytes !== digest.sizeBytes) throw sourceLengthError(digest, source.sizeBytes)
}

/**
 * Reads a source chunk by chunk for a storage that commits it as `digest`.
 *
 * @throws StorageError `invalid-argument` as soon as the content turns out shorter or longer than the digest says, the
 * signal's reason when aborted, and whatever the source itself fails with; before all that as {@link assertStorable} does.
 */
export async function* readSource(
  source: BlobSource,
  digest: Digest,
  { signal, buffers }: SourceOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  assertStorable(source, digest)
  signal?.throwIfAborted()
  const reader = source.open({ signal, buffers })
  const iterator = reader[Symbol.asyncIterator]()
  let received = 0
  try {
    for (;;) {
      const result = await abortable(iterator.next(), signal)
      if (result.done === true) break
      received += result.value.byteLength
      if (received > digest.sizeBytes) throw sourceLengthError(digest, `at least ${received}`)
      yield result.value
    }
  } finally {
    await reader[Symbol.asyncDispose]()
  }
  if (received < digest.sizeBytes) throw sourceLengthError(digest, received)
}

/** Reads a whole source into a new buffer, which the caller owns. Throws as {@link readSource} does. */
export async function collectSource(
  source: BlobSource,
  digest: Digest,
  options: OperationOptions = {},
): Promise<Uint8Array> {
  assertStorable(source, digest)
  const bytes = Buffer.allocUnsafeSlow(digest.sizeBytes)
  const present = bytesOfSource(source)
  if (present !== undefined) {
    // Iterating would cost several times what the copy of a small blob does.
    options.signal?.throwIfAborted()
    bytes.set(present)
    return bytes
  }
  const { buffer, byteOffset } = bytes
  const buffers = new BufferParts(bytes)
  let filled = 0
  for await (const chunk of readSource(source, digest, { ...options, buffers })) {
    // What was read into the part that was lent for it is where it belongs.
    if (chunk.buffer !== buffer || chunk.byteOffset !== byteOffset + filled) {
      bytes.set(chunk, filled)
      // What would be lent from here on belongs elsewhere, and might be filled already.
      buffers.end()
    }
    filled += chunk.byteLength
  }
  return bytes
}

function sourceLengthError(digest: Digest, found: number | string): StorageError {
  const message = `commitWrite: blob ${formatDigest(digest)} must have ${digest.sizeBytes} bytes, its source has ${found}`
  return new StorageError('invalid-argument', message, { digest })
}
