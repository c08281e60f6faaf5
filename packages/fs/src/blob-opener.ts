import type { BlobReader, ByteRange, Digest, ReadOptions, StorageError } from '@caskade/core'
import { corruptError, coversBlob, digestOf, readerFromBytes } from '@caskade/core'
import type { FileStat, OpenFile, VerifiedFiles } from '@caskade/core/files'
import { READ_CHUNK_BYTES, readerFromFile, readerFromVerifiedFile, readFully } from '@caskade/core/files'
import type { AccessLog } from './access-log.ts'
import type { BlobFiles } from './blob-files.ts'
import { attempt } from './blob-files.ts'
import type { HeldFiles } from './held-files.ts'
import { blobName } from './layout.ts'

/** Parts of blobs up to this size are read at once, so that nothing stays open. */
const AT_ONCE_BYTES = READ_CHUNK_BYTES

/** What a {@link BlobOpener} needs. */
export interface BlobOpenerOptions {
  readonly blobs: BlobFiles
  readonly held: HeldFiles
  readonly accessLog: AccessLog
  readonly verified: VerifiedFiles
}

/** How a blob is opened. */
export interface OpenOptions extends Pick<ReadOptions, 'signal' | 'buffers'> {
  /** Keeps the storage from stopping while a file is open. */
  readonly hold: () => () => void
  /** Whether it is to find damage: then it does not count as use, and all content is hashed. */
  readonly isCheck: boolean
}

/** Opens blobs and verifies what it reads; damaged ones are dropped. */
export class BlobOpener {
  readonly #options: BlobOpenerOptions

  constructor(options: BlobOpenerOptions) {
    this.#options = options
  }

  /** Opens a range of a blob; null when it is not there. */
  async open(digest: Digest, range: ByteRange, options: OpenOptions): Promise<BlobReader | null> {
    const bytes = this.readQuickly(digest, range, options)
    if (bytes !== undefined) return bytes === null ? null : readerFromBytes(bytes, { signal: options.signal })
    const release = options.hold()
    try {
      if (range.length <= AT_ONCE_BYTES) return await this.#readAtOnce(digest, range, options)
      return await this.#openLarge(digest, range, options)
    } finally {
      release()
    }
  }

  /** Reads a small range of a blob without waiting; null when it is not there, undefined when it has to be opened for that. */
  readQuickly(
    digest: Digest,
    range: ByteRange,
    { isCheck, buffers }: Pick<OpenOptions, 'isCheck' | 'buffers'>,
  ): Uint8Array | null | undefined {
    if (range.length > AT_ONCE_BYTES) return undefined
    const { blobs, accessLog, verified } = this.#options
    const { offset, length } = range
    const bytes = buffers?.take(length) ?? Buffer.allocUnsafeSlow(length)
    const read = blobs.readQuickly(digest, bytes, offset)
    // Whether it is not there, or why it cannot be read, is found out by looking.
    if (read === undefined) return blobs.findQuickly(digest) === null ? null : undefined
    const { stat, bytesRead } = read
    if (stat.sizeBytes !== digest.sizeBytes || bytesRead !== length) return undefined
    // Of a part nobody knows whether it is whole.
    if (coversBlob(range, digest) && (isCheck || !verified.has(digest, stat))) {
      if (!isContent(bytes, digest)) return undefined
      verified.add(digest, stat)
    }
    if (!isCheck) accessLog.use(blobName(digest), stat.modifiedUs)
    return bytes
  }

  async #readAtOnce(digest: Digest, range: ByteRange, options: OpenOptions): Promise<BlobReader | null> {
    const { blobs } = this.#options
    const file = await blobs.open(digest)
    if (file === undefined) return null
    try {
      const stat = await this.#check(digest, file, options)
      if (stat === null) return null
      const bytes = options.buffers?.take(range.length) ?? Buffer.allocUnsafeSlow(range.length)
      const bytesRead = await attempt(digest, 'read', readFully(file, bytes, range.offset))
      if (bytesRead === range.length && (!coversBlob(range, digest) || isContent(bytes, digest))) {
        return readerFromBytes(bytes, { signal: options.signal })
      }
      const error = corruptError(digest, 'its file has other content')
      await blobs.drop(digest, stat, error)
      throw error
    } finally {
      await file.close()
    }
  }

  /** Holds the file while it is read, so that whoever removes it knows that its blocks are still taken. */
  async #openLarge(digest: Digest, range: ByteRange, options: OpenOptions): Promise<BlobReader | null> {
    const { blobs, held, verified } = this.#options
    const holding = await attempt(digest, 'open', held.hold(blobName(digest)))
    if (holding === undefined) return null
    const letGo = (): Promise<void> => held.release(holding)
    const file = await blobs.open(digest, holding.path).catch(async (error: unknown) => {
      await letGo()
      throw error
    })
    if (file === undefined) return null
    const release = options.hold()
    const close = (): Promise<void> => file.close().then(letGo).finally(release)
    try {
      const stat = await this.#check(digest, file, options)
      if (stat === null) {
        await close()
        return null
      }
      const { signal, buffers, isCheck: alwaysHashes } = options
      const reading = { signal, buffers, quick: blobs.quick, release: close }
      if (!coversBlob(range, digest)) return readerFromFile(file, range, reading)
      const onCorrupt = (error: StorageError): Promise<void> => blobs.drop(digest, stat, error)
      return readerFromVerifiedFile(file, digest, stat, { ...reading, verified, alwaysHashes, onCorrupt })
    } catch (error) {
      await close()
      throw error
    }
  }

  /** Looks at an opened file; null when the blob is one of another size. */
  async #check(digest: Digest, file: OpenFile, { isCheck }: OpenOptions): Promise<FileStat | null> {
    const { blobs, accessLog } = this.#options
    const stat = await attempt(digest, 'read', file.stat())
    if (stat.sizeBytes !== digest.sizeBytes) {
      if (await blobs.isDamaged(digest, stat)) throw corruptError(digest, `its file has ${stat.sizeBytes} bytes`)
      return null
    }
    if (!isCheck) accessLog.use(blobName(digest), stat.modifiedUs)
    return stat
  }
}

function isContent(bytes: Uint8Array, { hash, digestFunction }: Digest): boolean {
  return digestOf(bytes, digestFunction).hash === hash
}
