import { randomUUID } from 'node:crypto'
import type {
  ActionCacheEntry,
  ActionCacheRecord,
  ActionKey,
  Digest,
  OperationOptions,
  UpdateOptions,
} from '@caskade/core'
import { ActionCacheABC, assertEntry, mapLimit } from '@caskade/core'
import { crc32cOf } from './crc32c.ts'
import { encodeEntry } from './entries/entry-format.ts'
import { readEntry } from './entries/entry-reader.ts'
import type { GcsOptions } from './gcs-options.ts'
import { GcsStore } from './gcs-store.ts'
import { blobKnowledgeKey, nameKnowledgeKey } from './objects/object-knowledge.ts'
import { TOUCH_AFTER_MS } from './objects/use-recorder.ts'
import { uploadBytes } from './uploads/single-upload.ts'

/** How many entries are read at once when all are listed. */
const LIST_CONCURRENCY = 16

/** Keeps action-cache entries as objects of a Google Cloud Storage bucket, each with its key and a checksum. */
export class GcsActionCache extends ActionCacheABC {
  static override readonly TYPE = 'Gcs'

  readonly #store: GcsStore

  /** `store` lets both halves of a backend share their connections. */
  constructor(options: GcsOptions, store: GcsStore = new GcsStore(options)) {
    super()
    this.#store = store
  }

  protected override onStart(): Promise<void> {
    return this.#store.start()
  }

  protected override onStop(): Promise<void> {
    return this.#store.stop()
  }

  override async get(key: ActionKey, { signal }: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, signal)
    const { abandoned, names } = this.#store
    const name = names.entry(key)
    return this.holding(async () => {
      await abandoned.settled(name, signal)
      const stored = await readEntry(this.#store, name, { signal })
      if (stored === null) return null
      this.#noteUse(name, stored.record.entry.references, stored.customTimeMs)
      return stored.record.entry
    })
  }

  override async update(
    key: ActionKey,
    entry: ActionCacheEntry,
    { ifAbsent = false, signal }: UpdateOptions = {},
  ): Promise<boolean> {
    this.assertReady(key, signal)
    assertEntry(entry)
    const { abandoned, names } = this.#store
    const name = names.entry(key)
    const content = encodeEntry(key, entry)
    const references = [...entry.references]
    return this.holding(() =>
      abandoned.run(
        name,
        signal,
        () => this.hold(),
        () => this.#put(name, content, references, ifAbsent, signal),
      ),
    )
  }

  override async delete(key: ActionKey, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(key, signal)
    const { abandoned, access, names } = this.#store
    const name = names.entry(key)
    await this.holding(() =>
      abandoned.run(
        name,
        signal,
        () => this.hold(),
        () => access.remove(name, { patience: signal }),
      ),
    )
  }

  override async *list(
    namespacePrefix: string,
    { signal }: OperationOptions = {},
  ): AsyncGenerator<ActionCacheRecord, void, undefined> {
    const { access, names } = this.#store
    const prefix = names.entryPrefix(namespacePrefix)
    let pageToken: string | undefined
    do {
      this.assertRunning(signal)
      const page = await access.page(prefix, pageToken, { signal })
      for (let at = 0; at < page.objects.length; at += LIST_CONCURRENCY) {
        this.assertRunning(signal)
        const some = page.objects.slice(at, at + LIST_CONCURRENCY)
        const read = await mapLimit(some, LIST_CONCURRENCY, ({ name }) => readEntry(this.#store, name, { signal }))
        for (const stored of read) {
          // The name holds only the beginning of a long namespace.
          if (stored?.record.key.namespace.startsWith(namespacePrefix) === true) yield stored.record
        }
      }
      pageToken = page.nextPageToken
    } while (pageToken !== undefined)
  }

  async #put(
    name: string,
    content: Buffer,
    references: readonly Digest[],
    ifAbsent: boolean,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const { access, knowledge, settings, uses } = this.#store
    const beganAt = settings.now()
    const writeId = randomUUID()
    const crc32c = crc32cOf(content)
    const sizeBytes = content.byteLength
    const object = { name, action: `update ${name}`, sizeBytes, ifAbsent, crc32c, writeId, patience: signal }
    const { isCreated, isAmbiguous } = await uploadBytes(this.#store, object, content)
    // A first attempt may have created it although its answer was lost.
    const isOurs = isCreated || (isAmbiguous === true && (await access.facts(name))?.writeId === writeId)
    if (isOurs) knowledge.noteCustomTime(nameKnowledgeKey(name), beganAt)
    for (const digest of references) uses.note(this.#used(digest))
    return isOurs
  }

  /** An entry whose use is recorded has those of its blobs recorded as well, so that they do not go long before it. */
  #noteUse(name: string, references: readonly Digest[], customTimeMs: number | undefined): void {
    const { knowledge, settings, uses } = this.#store
    const key = nameKnowledgeKey(name)
    const recorded = customTimeMs ?? knowledge.customTimeMs(key)
    if (recorded !== undefined && settings.now() - recorded < TOUCH_AFTER_MS) return
    uses.note({ name, key }, customTimeMs)
    for (const digest of references) uses.note(this.#used(digest))
  }

  #used(digest: Digest): { name: string; key: ReturnType<typeof blobKnowledgeKey>; digest: Digest } {
    return { name: this.#store.names.blob(digest), key: blobKnowledgeKey(digest), digest }
  }
}
