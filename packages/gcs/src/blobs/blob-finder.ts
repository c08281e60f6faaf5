import type { Digest, OperationOptions } from '@caskade/core'
import { corruptError, reportEvent } from '@caskade/core'
import type { GcsStore } from '../gcs-store.ts'
import { blobKnowledgeKey } from '../objects/object-knowledge.ts'

/** Tells which blobs are there. */
export class BlobFinder {
  readonly #store: GcsStore

  constructor(store: GcsStore) {
    this.#store = store
  }

  /** Tells whether a blob is there, by what is known already where that is recent enough. Counts as use. */
  async has(digest: Digest, options: OperationOptions): Promise<boolean> {
    const { abandoned, knowledge, names, uses } = this.#store
    const name = names.blob(digest)
    const key = blobKnowledgeKey(digest)
    await abandoned.settled(name, options.signal)
    if (!knowledge.isThere(key)) return this.look(digest, options)
    uses.note({ name, key, digest })
    return true
  }

  /** Asks the service whether a blob is there. Counts as use. An object that somebody has shortened is removed. */
  async look(digest: Digest, options: OperationOptions): Promise<boolean> {
    const { access, knowledge, names, uses } = this.#store
    const name = names.blob(digest)
    const key = blobKnowledgeKey(digest)
    const epoch = knowledge.epoch(key)
    const facts = await access.facts(name, options)
    if (facts === null) {
      knowledge.forget(key)
      return false
    }
    const { sizeBytes, declaredSizeBytes, customTimeMs, generation, isEncoded } = facts
    if (isEncoded) return false
    if (declaredSizeBytes !== undefined && declaredSizeBytes !== sizeBytes) {
      await this.drop(digest, generation, `it has ${sizeBytes} bytes, and had ${declaredSizeBytes}`)
      return false
    }
    if (sizeBytes !== digest.sizeBytes) return false
    knowledge.noteThere(key, epoch, customTimeMs)
    uses.note({ name, key, digest }, customTimeMs ?? 0)
    return true
  }

  /** Removes one generation of a blob that is damaged, and reports it. What has taken its place since is left alone. */
  async drop(digest: Digest, generation: string, reason: string): Promise<void> {
    const { access, knowledge, names } = this.#store
    await access.remove(names.blob(digest), { generation })
    knowledge.forget(blobKnowledgeKey(digest))
    const error = corruptError(digest, reason)
    reportEvent({ kind: 'corrupt', storageType: 'Gcs', operation: 'getBlob', digest, error })
  }
}
