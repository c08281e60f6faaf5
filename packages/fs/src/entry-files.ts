import type { ActionCacheEntry, ActionCacheRecord, ActionKey } from '@caskade/core'
import { isErrnoException, KeyedLock, mapLimit, reportEvent, StorageError } from '@caskade/core'
import type { AccessClock, FileOperations, FileStat, QuickReads } from '@caskade/core/files'
import { fileCostBytes, fileError, READ_CHUNK_BYTES } from '@caskade/core/files'
import type { AccessLog } from './access-log.ts'
import { decodeEntry, encodeEntry } from './entry-record.ts'
import type { FilePublisher, Ticket } from './file-publisher.ts'
import type { FileTaker } from './file-taker.ts'
import type { HeldFiles } from './held-files.ts'
import type { Layout, StoredName } from './layout.ts'
import { blobName, entryName, mayBeIn } from './layout.ts'
import type { Room } from './room.ts'
import type { StoredFiles } from './stored-files.ts'

/** How many entries are read at once when all are listed. */
const LIST_CONCURRENCY = 8

/** What {@link EntryFiles} need. */
export interface EntryFilesOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly quick: QuickReads
  readonly stored: StoredFiles
  readonly taker: FileTaker
  readonly held: HeldFiles
  readonly publisher: FilePublisher
  readonly room: Room
  readonly clock: AccessClock
  readonly accessLog: AccessLog
}

/** An entry, and what the file system knows of its file. */
interface FoundEntry {
  readonly record: ActionCacheRecord
  readonly stat: FileStat
}

/** Reads, stores and removes entries, each a file that is replaced by a rename. */
export class EntryFiles {
  readonly #options: EntryFilesOptions
  readonly #lock = new KeyedLock()

  constructor(options: EntryFilesOptions) {
    this.#options = options
  }

  /** Reads an entry; null when there is none, or it was damaged and dropped. Counts as use, of its blobs as well. */
  async get(key: ActionKey): Promise<ActionCacheEntry | null> {
    const name = entryName(key)
    const found = await attempt('read', this.#read(name))
    if (found === undefined) return null
    const { record, stat } = found
    if (this.#options.accessLog.use(name, stat.modifiedUs)) this.#keep(record.entry)
    return record.entry
  }

  /** Stores an entry; resolves to false when there is one already and none was to be replaced. */
  async update(
    key: ActionKey,
    entry: ActionCacheEntry,
    { ifAbsent }: { readonly ifAbsent: boolean },
  ): Promise<boolean> {
    const name = entryName(key)
    const content = encodeEntry(key, entry)
    const costBytes = fileCostBytes(content.byteLength)
    return this.#lock.run(name, async () => {
      if (ifAbsent && (await attempt('read', this.#read(name))) !== undefined) return false
      const write = (ticket: Ticket): Promise<boolean> => this.#write(name, content, ticket, ifAbsent)
      const isStored = await this.#options.room.use(costBytes, (ticket) => attempt('write', write(ticket)))
      if (isStored) this.#keep(entry)
      return isStored
    })
  }

  /** Removes an entry; succeeds when there is none. */
  async remove(key: ActionKey): Promise<void> {
    const { taker } = this.#options
    const name = entryName(key)
    await this.#lock.run(name, async () => {
      const take = async (): Promise<boolean> =>
        (
          await attempt(
            'remove',
            taker.take(name, () => true),
          )
        ).outcome === 'removed'
      if (await take()) return
      // Somebody may have taken it out of its place, and be about to put it back.
      await attempt('remove', taker.takeTaken(name))
      await take()
    })
  }

  /** Lists the entries whose namespace starts with the prefix. Does not count as use. */
  async *list(namespacePrefix: string, onFolder: () => void): AsyncGenerator<ActionCacheRecord, void, undefined> {
    const { stored } = this.#options
    for (const folder of await attempt('list', stored.entryFolders())) {
      onFolder()
      const names = (await attempt('list', stored.names(folder))).filter((name) => mayBeIn(name, namespacePrefix))
      const found = await mapLimit(names, LIST_CONCURRENCY, (name) => attempt('read', this.#readOpened(name)))
      for (const each of found) {
        if (each?.record.key.namespace.startsWith(namespacePrefix) === true) yield each.record
      }
    }
  }

  async #write(name: StoredName, content: Buffer, ticket: Ticket, ifAbsent: boolean): Promise<boolean> {
    const { files, publisher, clock, held } = this.#options
    return publisher.write(ticket, async (path) => {
      const file = await files.open(path, 'create')
      try {
        await file.write([content], 0)
        await file.setModified(clock.next())
        await file.sync()
      } finally {
        await file.close()
      }
      if (ifAbsent) return publisher.publishNew(name, path, ticket)
      // Held, so that its bytes are freed exactly once, and that it can be put back.
      const replaced = await held.hold(name)
      try {
        await publisher.replace(name, path, ticket)
      } catch (error) {
        if (replaced !== undefined && ticket.isInUse) await held.putBack(replaced)
        throw error
      } finally {
        if (replaced !== undefined) await held.release(replaced)
      }
      return true
    })
  }

  /** Later than the use of the entry, so that it is evicted before the blobs it references. */
  #keep({ references }: ActionCacheEntry): void {
    for (const digest of references) this.#options.accessLog.keep(blobName(digest))
  }

  async #read(name: StoredName): Promise<FoundEntry | undefined> {
    const quick = this.#readQuickly(name)
    return quick === undefined ? this.#readOpened(name) : (quick ?? undefined)
  }

  async #readOpened(name: StoredName): Promise<FoundEntry | undefined> {
    const { files, layout, taker } = this.#options
    const file = await files.open(layout.pathOf(name), 'read').catch((error: unknown) => {
      if (isErrnoException(error, 'ENOENT')) return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      const stat = await file.stat()
      const content = Buffer.allocUnsafeSlow(stat.sizeBytes)
      const bytesRead = await file.read(content, 0)
      const record = bytesRead === content.byteLength ? recordOf(name, content) : undefined
      if (record !== undefined) return { record, stat }
      const error = new StorageError('corrupt', `Fs: the file of entry ${name} is damaged`)
      reportEvent({ kind: 'corrupt', storageType: 'Fs', operation: 'get', error })
      await taker.take(name, ({ inode }) => inode === stat.inode)
      return undefined
    } finally {
      await file.close()
    }
  }

  /** Reads an entry without waiting; null when there is none, undefined when its file has to be opened for that. */
  #readQuickly(name: StoredName): FoundEntry | null | undefined {
    const { quick, layout } = this.#options
    const path = layout.pathOf(name)
    const stat = quick.stat(path)
    if (stat === undefined || stat === null) return stat
    if (stat.sizeBytes > READ_CHUNK_BYTES) return undefined
    const content = Buffer.allocUnsafeSlow(stat.sizeBytes)
    if (quick.read(path, content, 0)?.bytesRead !== stat.sizeBytes) return undefined
    const record = recordOf(name, content)
    return record === undefined ? undefined : { record, stat }
  }
}

/** The entry in the content of a file; undefined when it is damaged, or belongs elsewhere. */
function recordOf(name: StoredName, content: Buffer): ActionCacheRecord | undefined {
  const record = decodeEntry(content)
  return record !== undefined && entryName(record.key) === name ? record : undefined
}

async function attempt<Result>(action: string, operation: Promise<Result>): Promise<Result> {
  try {
    return await operation
  } catch (error) {
    throw fileError(error, `Fs: cannot ${action} an entry`)
  }
}
