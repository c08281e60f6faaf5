import type { BlobReader, ByteRange, Digest, OperationOptions, StorageError } from '@caskade/core'
import {
  corruptError,
  coversBlob,
  createHasher,
  digestOf,
  formatDigest,
  readerFromBytes,
  readerFromChunks,
  StorageError as GcsError,
  verifiedReader,
} from '@caskade/core'
import { Crc32c } from '../crc32c.ts'
import type { GcsStore } from '../gcs-store.ts'
import { blobKnowledgeKey } from '../objects/object-knowledge.ts'
import type { BlobFinder } from './blob-finder.ts'
import { ObjectReading, RemovedMeanwhile, WrongSize } from './object-reading.ts'

/** Up to so many bytes are read at once, so that a reader that nobody reads keeps no connection. */
const MAX_EAGER_BYTES = 64 * 1024

/** How often a blob is opened again that others delete and write while it is read. */
const MAX_ATTEMPTS = 50

/** What opening a blob needs besides it. */
export interface OpenOptions extends OperationOptions {
  /** Keeps the storage from being stopped until the returned function is called. */
  readonly hold: () => () => void
}

/** Opens blobs. Those that are read whole are verified. */
export class BlobOpener {
  readonly #store: GcsStore
  readonly #finder: BlobFinder

  constructor(store: GcsStore, finder: BlobFinder) {
    this.#store = store
    this.#finder = finder
  }

  /** As `getBlob`. */
  async open(digest: Digest, range: ByteRange, { signal, hold }: OpenOptions): Promise<BlobReader | null> {
    const { abandoned, names } = this.#store
    await abandoned.settled(names.blob(digest), signal)
    // Nothing to read, and no range that could be asked for; whether it is there still must be known.
    if (range.length === 0 && digest.sizeBytes > 0) {
      const isThere = await this.#finder.look(digest, { signal })
      return isThere ? readerFromBytes(new Uint8Array(0), { signal }) : null
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#openOnce(digest, range, { signal, hold })
      } catch (error) {
        // Nobody has seen any of it yet, so what is there now will do.
        if (!(error instanceof RemovedMeanwhile) || attempt === MAX_ATTEMPTS) throw error
      }
    }
  }

  async #openOnce(digest: Digest, range: ByteRange, { signal, hold }: OpenOptions): Promise<BlobReader | null> {
    const { knowledge, names, uses } = this.#store
    const name = names.blob(digest)
    const key = blobKnowledgeKey(digest)
    const epoch = knowledge.epoch(key)
    const reading = new ObjectReading(this.#store, { ...range, name, sizeBytes: digest.sizeBytes }, { signal })
    const isThere = await this.#begin(reading, digest, signal)
    if (!isThere) return null
    knowledge.noteThere(key, epoch, reading.customTimeMs)
    uses.note({ name, key, digest }, reading.customTimeMs)
    if (range.length <= MAX_EAGER_BYTES) return this.#readNow(reading, digest, range, signal)

    const release = hold()
    const reader = readerFromChunks(range.length, reading.chunks(), {
      signal,
      release: () => {
        reading.close()
        release()
      },
    })
    return coversBlob(range, digest) ? verifiedReader(reader, digest, (e) => this.#settle(digest, reading, e)) : reader
  }

  async #begin(reading: ObjectReading, digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      if (await reading.open()) return true
      this.#store.knowledge.forget(blobKnowledgeKey(digest))
      return false
    } catch (error) {
      reading.close()
      if (!(error instanceof WrongSize)) throw error
      // Absent under this size, or damaged: what the service knows of it tells.
      await this.#finder.look(digest, { signal })
      return false
    }
  }

  async #readNow(
    reading: ObjectReading,
    digest: Digest,
    range: ByteRange,
    signal: AbortSignal | undefined,
  ): Promise<BlobReader> {
    try {
      const bytes = Buffer.allocUnsafeSlow(range.length)
      let filled = 0
      for await (const chunk of reading.chunks()) {
        bytes.set(chunk, filled)
        filled += chunk.byteLength
      }
      const isRight = !coversBlob(range, digest) || digestOf(bytes, digest.digestFunction).hash === digest.hash
      if (isRight) return readerFromBytes(bytes, { signal })
    } finally {
      reading.close()
    }
    const error = corruptError(digest, 'the stored content has another hash')
    await this.#settle(digest, reading, error)
    throw error
  }

  /**
   * Reads content that had the wrong hash once more, to tell damage on the way from damage where it is stored. The object
   * is removed only when it is the object.
   *
   * @throws StorageError `unavailable` when it is not.
   */
  async #settle(digest: Digest, damaged: ObjectReading, error: StorageError): Promise<void> {
    const { names } = this.#store
    const generation = damaged.generation
    const wanted = { name: names.blob(digest), offset: 0, length: digest.sizeBytes, sizeBytes: digest.sizeBytes }
    const reading = new ObjectReading(this.#store, wanted, {}, generation)
    try {
      if (generation === undefined || !(await reading.open())) return
      const hasher = createHasher(digest.digestFunction)
      const crc = new Crc32c()
      const declared = reading.crc32c
      for await (const chunk of reading.chunks()) {
        hasher.update(chunk)
        crc.update(chunk)
      }
      const isStoredSo = hasher.digest() !== digest.hash && (declared === undefined || crc.base64() === declared)
      if (isStoredSo) {
        await this.#finder.drop(digest, generation, 'the stored content has another hash')
        return
      }
    } finally {
      reading.close()
    }
    const message = `Gcs: getBlob ${formatDigest(digest)}: the content was damaged on its way`
    throw new GcsError('unavailable', message, { digest, cause: error })
  }
}
