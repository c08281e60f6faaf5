import type { Digest, StorageError } from '@caskade/core'
import { corruptError, createHasher, formatDigest, isErrnoException, reportEvent } from '@caskade/core'
import type { FileOperations, FileRead, FileStat, OpenFile, QuickReads } from '@caskade/core/files'
import { fileError, READ_CHUNK_BYTES } from '@caskade/core/files'
import type { FileTaker } from './file-taker.ts'
import { statIfThere } from './held-files.ts'
import type { Layout } from './layout.ts'
import { blobName } from './layout.ts'

/** How many files are remembered that were found whole although somebody asked for another size. */
const MAX_REMEMBERED = 1024

/** What {@link BlobFiles} need. */
export interface BlobFilesOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly quick: QuickReads
  readonly taker: FileTaker
}

/** Looks at the files of blobs, and drops those that are damaged. */
export class BlobFiles {
  readonly #options: BlobFilesOptions
  /** Which file was whole, and at which size, by the path. */
  readonly #whole = new Map<string, string>()
  #lastJudgement: Promise<unknown> = Promise.resolve()

  constructor(options: BlobFilesOptions) {
    this.#options = options
  }

  /** Finds the file of a blob; undefined when there is none, or it was damaged and dropped, or has another size. */
  async find(digest: Digest): Promise<FileStat | undefined> {
    const quick = this.findQuickly(digest)
    if (quick !== undefined) return quick ?? undefined
    const { layout, files } = this.#options
    const path = layout.pathOf(blobName(digest))
    const stat = await attempt(digest, 'find', statIfThere(files, path))
    if (stat === undefined || stat.sizeBytes === digest.sizeBytes) return stat
    await this.isDamaged(digest, stat)
    return undefined
  }

  /** Finds it without waiting; null when there is none, undefined when only {@link find} can tell. */
  findQuickly(digest: Digest): FileStat | null | undefined {
    const { layout, quick } = this.#options
    const stat = quick.stat(layout.pathOf(blobName(digest)))
    return stat === undefined || stat === null || stat.sizeBytes === digest.sizeBytes ? stat : undefined
  }

  /** Reads from the file of a blob without waiting; undefined when it has to be opened for that. */
  readQuickly(digest: Digest, buffer: Uint8Array, offset: number): FileRead | undefined {
    const { layout, quick } = this.#options
    return quick.read(layout.pathOf(blobName(digest)), buffer, offset)
  }

  /** Reads on the event loop, as long as that is quick. */
  get quick(): QuickReads {
    return this.#options.quick
  }

  /** Opens the file of a blob to read it; undefined when it is not there. */
  async open(
    digest: Digest,
    path: string = this.#options.layout.pathOf(blobName(digest)),
  ): Promise<OpenFile | undefined> {
    try {
      return await this.#options.files.open(path, 'read')
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return undefined
      throw fileError(error, `Fs: cannot open the file of blob ${formatDigest(digest)}`, digest)
    }
  }

  /**
   * Tells whether a file of another size than asked for is damaged, and then drops it; otherwise it is the caller who is
   * wrong. Only the hash knows. One file is hashed at a time, and each once, however often it is asked for.
   */
  isDamaged(digest: Digest, stat: FileStat): Promise<boolean> {
    const judgement = this.#lastJudgement.then(() => this.#judge(digest, stat))
    this.#lastJudgement = judgement.catch(() => undefined)
    return judgement
  }

  /** Removes exactly that file of a blob, and tells of it. */
  async drop(digest: Digest, { inode }: FileStat, error: StorageError, operation = 'getBlob'): Promise<void> {
    reportEvent({ kind: 'corrupt', storageType: 'Fs', operation, digest, error })
    const dropping = this.#options.taker.take(blobName(digest), (stat) => stat.inode === inode)
    await attempt(digest, 'remove', dropping)
  }

  async #judge(digest: Digest, stat: FileStat): Promise<boolean> {
    const path = this.#options.layout.pathOf(blobName(digest))
    const identity = `${stat.inode}/${stat.sizeBytes}`
    if (this.#whole.get(path) === identity) return false
    const file = await this.open(digest)
    if (file === undefined) return false
    try {
      const present = await attempt(digest, 'read', file.stat())
      // Replaced since it was looked at.
      if (present.inode !== stat.inode) return false
      if ((await hashOfFile(file, present.sizeBytes, digest)) !== digest.hash) {
        await this.drop(digest, present, corruptError(digest, `its file has ${present.sizeBytes} bytes`))
        return true
      }
      this.#remember(path, identity)
      return false
    } finally {
      await file.close()
    }
  }

  #remember(path: string, identity: string): void {
    const [oldest] = this.#whole.keys()
    if (this.#whole.size >= MAX_REMEMBERED && oldest !== undefined) this.#whole.delete(oldest)
    this.#whole.set(path, identity)
  }
}

async function hashOfFile(file: OpenFile, sizeBytes: number, digest: Digest): Promise<string> {
  const hasher = createHasher(digest.digestFunction)
  const buffer = Buffer.allocUnsafeSlow(Math.min(READ_CHUNK_BYTES, Math.max(sizeBytes, 1)))
  for (let position = 0; ;) {
    const bytesRead = await attempt(digest, 'read', file.read(buffer, position))
    if (bytesRead === 0) return hasher.digest()
    hasher.update(buffer.subarray(0, bytesRead))
    position += bytesRead
  }
}

/** Waits for an operation on the file of a blob, and describes its failure. */
export async function attempt<Result>(digest: Digest, action: string, operation: Promise<Result>): Promise<Result> {
  try {
    return await operation
  } catch (error) {
    throw fileError(error, `Fs: cannot ${action} the file of blob ${formatDigest(digest)}`, digest)
  }
}
