import type { BlobReader, StorageABC } from '@caskade/core'
import { assertSameBytes, assertStopsInTime, listedKeys, readChunks } from '../assertions.ts'
import type { StorageHarness } from '../storage-harness.ts'
import type { TestBlob } from '../test-blob.ts'
import { digestKey } from '@caskade/core'

/** A storage, and what a map in its place would hold. */
export class StorageWorld {
  /** All blobs that a history is about; the first is the empty one. */
  readonly blobs: readonly TestBlob[]
  /** Which of them are stored. */
  readonly stored: Set<TestBlob> = new Set()
  storage: StorageABC
  readonly #original: StorageABC
  readonly #harness: StorageHarness
  #open: { readonly reader: BlobReader; readonly bytes: Uint8Array }[] = []

  constructor(harness: StorageHarness, storage: StorageABC, blobs: readonly TestBlob[]) {
    this.#harness = harness
    this.#original = storage
    this.storage = storage
    this.blobs = blobs
    const [empty] = blobs
    if (empty !== undefined && harness.hasEmptyBlob === true) this.stored.add(empty)
  }

  /** Notes that a blob was deleted. The empty blob may be one that cannot be. */
  deleted(blob: TestBlob): void {
    if (this.#harness.hasEmptyBlob !== true || blob !== this.blobs[0]) this.stored.delete(blob)
  }

  /** Has a reader wait, to be read later. */
  keepOpen(reader: BlobReader, bytes: Uint8Array): void {
    this.#open.push({ reader, bytes })
  }

  /** Reads whatever waits. */
  async finishReaders(): Promise<void> {
    const open = this.#open
    this.#open = []
    for (const { reader, bytes } of open) assertSameBytes(await readChunks(reader), bytes, 'a reader opened earlier')
  }

  /** Stops the storage and starts it again, as another one if the harness has it; then it must remember. */
  async restart(): Promise<void> {
    await this.finishReaders()
    await assertStopsInTime(this.storage)
    if (this.#harness.reopen !== undefined) this.storage = await this.#harness.reopen(this.#original)
    await this.storage.start()
    if (this.#harness.reopen !== undefined) return
    const kept = await listedKeys(this.storage)
    for (const blob of this.stored) if (!kept.has(digestKey(blob.digest))) this.deleted(blob)
  }

  /** Stops the storage, however the history ended. */
  async end(): Promise<void> {
    for (const { reader } of this.#open) await reader[Symbol.asyncDispose]()
    await this.storage.stop()
    await this.#harness.destroy?.(this.#original)
  }
}
