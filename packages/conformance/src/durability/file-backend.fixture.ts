import { join } from 'node:path'
import type {
  ActionCacheEntry,
  ActionCacheRecord,
  ActionKey,
  Backend,
  BlobInfo,
  BlobReader,
  BlobSource,
  Digest,
  OperationOptions,
  ReadOptions,
  UpdateOptions,
} from '@caskade/core'
import { ActionCacheABC, assertEntry, collectSource, digestOf, resolveRange, StorageABC } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'
import { nodeFiles, readerFromFile } from '@caskade/core/files'
import type { FileDefect } from './file-folder.fixture.ts'
import { FileFolder } from './file-folder.fixture.ts'

/** Makes a backend of plain files, possibly with defects. */
export function fileBackend(
  directory: string,
  files: FileOperations = nodeFiles,
  defects: { readonly storage?: FileDefect; readonly actionCache?: FileDefect } = {},
): Backend {
  return {
    storage: new FileStorage(new FileFolder(join(directory, 'blobs'), files, defects.storage)),
    actionCache: new FileActionCache(new FileFolder(join(directory, 'entries'), files, defects.actionCache)),
  }
}

class FileStorage extends StorageABC {
  static override readonly TYPE = 'File'

  readonly #folder: FileFolder

  constructor(folder: FileFolder) {
    super()
    this.#folder = folder
  }

  protected override onStart(): Promise<void> {
    return this.#folder.prepare()
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    const bytes = await collectSource(source, digest, options)
    await this.holding(() => this.#folder.put(nameOf(digest), bytes))
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    this.assertReady(digest, options.signal)
    const range = resolveRange(digest, options)
    const file = await this.#folder.open(nameOf(digest))
    return file === null ? null : readerFromFile(file, range, { signal: options.signal, release: () => file.close() })
  }

  override async hasBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, signal)
    const file = await this.#folder.open(nameOf(digest))
    await file?.close()
    return file !== null
  }

  override async deleteBlob(digest: Digest, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    await this.#folder.remove(nameOf(digest))
  }

  override async resolveHash(hash: string): Promise<Digest | null> {
    for await (const { digest } of this.listBlobs()) if (digest.hash === hash) return digest
    return null
  }

  override async *listBlobs(): AsyncGenerator<BlobInfo, void, undefined> {
    for (const name of await this.#folder.names()) {
      const [hash = '', size] = name.split('-')
      yield { digest: { hash, sizeBytes: Number(size) } }
    }
  }
}

class FileActionCache extends ActionCacheABC {
  static override readonly TYPE = 'File'

  readonly #folder: FileFolder

  constructor(folder: FileFolder) {
    super()
    this.#folder = folder
  }

  protected override onStart(): Promise<void> {
    return this.#folder.prepare()
  }

  override async get(key: ActionKey, { signal }: OperationOptions = {}): Promise<ActionCacheEntry | null> {
    this.assertReady(key, signal)
    const file = await this.#folder.open(entryName(key))
    if (file === null) return null
    const length = await file.sizeBytes()
    const text = await readerFromFile(file, { offset: 0, length }, { release: () => file.close() }).bytes()
    const { bytes, ...rest } = JSON.parse(Buffer.from(text).toString()) as ActionCacheEntry & { readonly bytes: string }
    return { ...rest, bytes: Buffer.from(bytes, 'base64') }
  }

  override async update(key: ActionKey, entry: ActionCacheEntry, { signal }: UpdateOptions = {}): Promise<boolean> {
    this.assertReady(key, signal)
    assertEntry(entry)
    const bytes = Buffer.from(entry.bytes).toString('base64')
    await this.holding(() => this.#folder.put(entryName(key), Buffer.from(JSON.stringify({ ...entry, bytes }))))
    return true
  }

  override async delete(key: ActionKey, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(key, signal)
    await this.#folder.remove(entryName(key))
  }

  override list(): AsyncIterable<ActionCacheRecord> {
    throw new Error('not needed here')
  }
}

function nameOf({ hash, sizeBytes }: Digest): string {
  return `${hash}-${sizeBytes}`
}

function entryName({ namespace, key }: ActionKey): string {
  return digestOf(Buffer.from(JSON.stringify([namespace, key]))).hash
}
