import { randomUUID } from 'node:crypto'
import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import {
  assertStorable,
  collectSource,
  corruptError,
  exactDigestKey,
  formatDigest,
  reportEvent,
  StorageError,
  verifyBytes,
  WriteTurns,
} from '@caskade/core'
import { crc32cOf } from '../crc32c.ts'
import type { GcsStore } from '../gcs-store.ts'
import { blobKnowledgeKey } from '../objects/object-knowledge.ts'
import { ResumableUpload } from '../uploads/resumable-upload.ts'
import { uploadBytes, uploadSource } from '../uploads/single-upload.ts'
import type { NewObject, UploadOutcome } from '../uploads/upload.ts'

/** Blobs up to this size are read into memory first: their checksum can then go ahead, and a repetition needs no source. */
const MAX_BUFFERED_BYTES = 256 * 1024

/** How often a write begins anew because what was there turned out damaged, or went away while others delete it. */
const MAX_ROUNDS = 50

/** Writers of one blob that overlap. */
interface Overlap {
  writers: number
  /** When the last of them had stored the blob, counted in writes that began and ended. */
  storedAt: number
}

/** Stores blobs: creates the object if there is none, and otherwise makes sure that the one there is right. */
export class BlobWriter {
  readonly #store: GcsStore
  readonly #hold: () => () => void
  readonly #turns = new WriteTurns()
  readonly #overlaps = new Map<string, Overlap>()
  #clock = 0

  /** `hold` keeps the storage from stopping until the function that it returns is called. */
  constructor(store: GcsStore, hold: () => () => void) {
    this.#store = store
    this.#hold = hold
  }

  /** As `commitWrite`. Of writers of one blob at the same time, one uploads it. */
  async commit(digest: Digest, source: BlobSource, { signal }: OperationOptions): Promise<void> {
    assertStorable(source, digest)
    const key = exactDigestKey(digest)
    const overlap = this.#overlaps.get(key) ?? { writers: 0, storedAt: 0 }
    this.#overlaps.set(key, overlap)
    overlap.writers += 1
    const beganAt = ++this.#clock
    try {
      await this.#turns.take(digest, source, {
        signal,
        // Only by one who was still at it when this one began: what was there before may have been removed since.
        isStored: () => overlap.storedAt > beganAt,
        write: async (turnSource) => {
          await this.#write(digest, turnSource, signal)
          overlap.storedAt = ++this.#clock
        },
      })
    } finally {
      overlap.writers -= 1
      if (overlap.writers === 0) this.#overlaps.delete(key)
    }
  }

  async #write(digest: Digest, source: BlobSource, signal: AbortSignal | undefined): Promise<void> {
    const { knowledge, names, settings, abandoned } = this.#store
    const name = names.blob(digest)
    const key = blobKnowledgeKey(digest)
    for (let round = 0; round < MAX_ROUNDS; round++) {
      await abandoned.settled(name, signal)
      const epoch = knowledge.epoch(key)
      const beganAt = settings.now()
      const { isCreated, crc32c } = await this.#upload(name, digest, source, signal)
      if (isCreated) {
        knowledge.noteThere(key, epoch, beganAt)
        return
      }
      if (await this.#isRight(name, digest, crc32c, signal)) return
    }
    const message = `Gcs: commitWrite ${formatDigest(digest)}: what is there comes and goes`
    throw new StorageError('unavailable', message, { digest })
  }

  async #upload(
    name: string,
    digest: Digest,
    source: BlobSource,
    signal: AbortSignal | undefined,
  ): Promise<UploadOutcome> {
    const { sizeBytes } = digest
    const { maxSingleUploadBytes } = this.#store.settings
    const object: NewObject = { name, action: `commitWrite ${name}`, sizeBytes, ifAbsent: true, signal }
    if (sizeBytes <= Math.min(MAX_BUFFERED_BYTES, maxSingleUploadBytes)) {
      const bytes = await collectSource(source, digest, { signal })
      verifyBytes(digest, bytes)
      // Once on its way, it is seen to its end: given up, it might still take effect after a removal that comes next.
      const patient: NewObject = { ...object, signal: undefined, patience: signal }
      return this.#store.abandoned.run(name, signal, this.#hold, () =>
        uploadBytes(this.#store, { ...patient, crc32c: crc32cOf(bytes) }, bytes),
      )
    }
    if (sizeBytes <= maxSingleUploadBytes) return uploadSource(this.#store, object, source, digest)
    return new ResumableUpload(this.#store, { ...object, writeId: randomUUID() }, source, digest).run()
  }

  /**
   * Looks at the object that was there already. One that is not the blob is removed, it and no other, and resolves to
   * false: so does one that has gone away meanwhile.
   */
  async #isRight(
    name: string,
    digest: Digest,
    crc32c: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { access, knowledge, uses } = this.#store
    const key = blobKnowledgeKey(digest)
    const epoch = knowledge.epoch(key)
    const facts = await access.facts(name, { signal })
    if (facts === null) return false
    const { generation, sizeBytes, customTimeMs, isEncoded } = facts
    const isSame = crc32c === undefined || facts.crc32c === undefined || facts.crc32c === crc32c
    if (sizeBytes === digest.sizeBytes && !isEncoded && isSame) {
      knowledge.noteThere(key, epoch, customTimeMs)
      uses.note({ name, key, digest }, customTimeMs ?? 0)
      return true
    }
    await access.remove(name, { generation, signal })
    knowledge.forget(key)
    const error = corruptError(digest, `an object of ${sizeBytes} bytes was in its place`)
    reportEvent({ kind: 'corrupt', storageType: 'Gcs', operation: 'commitWrite', digest, error })
    return false
  }
}
