import type { BlobReader, ByteRange, Digest, ReadOptions } from '@caskade/core'
import { corruptError, coversBlob, digestOf, readerFromBytes, verifiedReader } from '@caskade/core'
import type { FileStat, OpenFile } from '@caskade/core/files'
import { READ_CHUNK_BYTES, readerFromFile, readFully } from '@caskade/core/files'
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
}

/** How a blob is opened. */
export interface OpenOptions extends Pick<ReadOptions, 'signal' | 'buffers'> {
  /** Keeps the storage from stopping while a file is open. */
  readonly hold: () => () => void
  /** Whether it counts as use. */
  readonly isUse: boolean
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
    { isUse, buffers }: Pick<OpenOptions, 'isUse' | 'buffers'>,
  ): Uint8Array | null | undefined {
    if (range.length > AT_ONCE_BYTES) return undefined
    const { blobs, accessLog } = this.#options
    const stat = blobs.findQuickly(digest)
    if (stat === undefined || stat === null) return stat
    const bytes = blobs.readQuickly(digest, range, buffers)
    if (bytes === undefined || !isContent(bytes, range, digest)) return undefined
    if (isUse) accessLog.use(blobName(digest), stat.modifiedUs)
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
      if (bytesRead === range.length && isContent(bytes, range, digest)) {
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
    const { blobs, held } = this.#options
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
      const { signal, buffers } = options
      const reader = readerFromFile(file, range, { signal, buffers, quick: blobs.quick, release: close })
      return coversBlob(range, digest)
        ? verifiedReader(reader, digest, (error) => blobs.drop(digest, stat, error))
        : reader
    } catch (error) {
      await close()
      throw error
    }
  }

  /** Looks at an opened file; null when the blob is one of another size. */
  async #check(digest: Digest, file: OpenFile, { isUse }: OpenOptions): Promise<FileStat | null> {
    const { blobs, accessLog } = this.#options
    const stat = await attempt(digest, 'read', file.stat())
    if (stat.sizeBytes !== digest.sizeBytes) {
      if (await blobs.isDamaged(digest, stat)) throw corruptError(digest, `its file has ${stat.sizeBytes} bytes`)
      return null
    }
    if (isUse) accessLog.use(blobName(digest), stat.modifiedUs)
    return stat
  }
}

/** Tells whether bytes are what a blob has in a range; of a part of it nobody knows. */
function isContent(bytes: Uint8Array, range: ByteRange, digest: Digest): boolean {
  return !coversBlob(range, digest) || digestOf(bytes, digest.digestFunction).hash === digest.hash
}
