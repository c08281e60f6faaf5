import type { BlobSource, Digest, OperationOptions } from '@caskade/core'
import { assertStorable, isErrnoException, reportEvent, StorageError, WriteTurns } from '@caskade/core'
import type { AccessClock, FileOperations } from '@caskade/core/files'
import { fileCostBytes, placeContent } from '@caskade/core/files'
import type { BlobFiles } from './blob-files.ts'
import { attempt } from './blob-files.ts'
import type { FilePublisher, Ticket } from './file-publisher.ts'
import type { FileTaker } from './file-taker.ts'
import type { FolderSyncs } from './folder-syncs.ts'
import type { Layout } from './layout.ts'
import { blobName } from './layout.ts'
import type { Room } from './room.ts'

/** What a {@link BlobWriter} needs. */
export interface BlobWriterOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly blobs: BlobFiles
  readonly syncs: FolderSyncs
  readonly taker: FileTaker
  readonly publisher: FilePublisher
  readonly room: Room
  readonly clock: AccessClock
  readonly granularityMs: number
}

/** Stores and removes blobs. */
export class BlobWriter {
  readonly #options: BlobWriterOptions
  readonly #turns = new WriteTurns()

  constructor(options: BlobWriterOptions) {
    this.#options = options
  }

  /** Stores content, unless it is there already; see `StorageABC.commitWrite`. */
  async commit(digest: Digest, source: BlobSource, options: OperationOptions): Promise<void> {
    assertStorable(source, digest)
    const costBytes = fileCostBytes(digest.sizeBytes)
    await this.#turns.take(digest, source, {
      isStored: () => this.#use(digest),
      write: (own) => this.#options.room.use(costBytes, (ticket) => this.#write(digest, own, ticket, options)),
      signal: options.signal,
    })
  }

  /** Removes a blob; succeeds when it is not there. */
  async remove(digest: Digest): Promise<void> {
    const { blobs, taker } = this.#options
    const name = blobName(digest)
    const remove = async (): Promise<boolean> => {
      const stat = await blobs.find(digest)
      if (stat === undefined) return false
      const taking = taker.take(name, ({ sizeBytes }) => sizeBytes === digest.sizeBytes)
      return (await attempt(digest, 'remove', taking)).outcome === 'removed'
    }
    if (await remove()) return
    // Somebody may have taken it out of its place, and be about to put it back.
    await attempt(digest, 'remove', taker.takeTaken(name))
    await remove()
  }

  async #write(digest: Digest, source: BlobSource, ticket: Ticket, { signal }: OperationOptions): Promise<void> {
    const { files, publisher, clock } = this.#options
    const waitFor = <Result>(operation: Promise<Result>): Promise<Result> => attempt(digest, 'write', operation)
    await publisher.write(ticket, async (path) => {
      await placeContent(path, digest, source, {
        files,
        signal,
        attempt: waitFor,
        beforeSync: (file) => file.setModified(clock.next()),
      })
      while (!(await waitFor(publisher.publishNew(blobName(digest), path, ticket)))) {
        // Another process was first, unless what is there is damaged, or gone again.
        if (await this.#use(digest)) return
        await this.#assertSameSize(digest)
      }
    })
  }

  /** Counts a use of a stored blob at once, so that it does not go before its writer is told; false when it is not there. */
  async #use(digest: Digest): Promise<boolean> {
    const { layout, files, blobs, syncs, clock, granularityMs } = this.#options
    const stat = await blobs.find(digest)
    if (stat === undefined) return false
    const name = blobName(digest)
    const now = clock.next()
    if (Math.abs(now - stat.modifiedUs) >= granularityMs * 1000) {
      try {
        await files.setModified(layout.pathOf(name), now)
      } catch (error) {
        if (isErrnoException(error, 'ENOENT')) return false
        reportEvent({ kind: 'touch-failure', storageType: 'Fs', operation: 'commitWrite', digest, error })
      }
    }
    const hasWaited = await attempt(digest, 'sync', syncs.settled(layout.folderOf(name), stat.changedMs))
    return !hasWaited || (await blobs.find(digest)) !== undefined
  }

  async #assertSameSize(digest: Digest): Promise<void> {
    const { layout, files } = this.#options
    const stat = await files.stat(layout.pathOf(blobName(digest))).catch(() => undefined)
    if (stat === undefined || stat.sizeBytes === digest.sizeBytes) return
    const message = `commitWrite: the content with this hash is stored, and has ${stat.sizeBytes} bytes`
    throw new StorageError('invalid-argument', message, { digest })
  }
}
