import { join } from 'node:path'
import { Lifecycle, recordedLeaseUs, reportEvent, StorageError } from '@caskade/core'
import type { FileOperations, OpenFile } from '@caskade/core/files'
import { AccessClock, createLastingDirectory, nodeFiles, OwnedDirectory } from '@caskade/core/files'
import Database from 'better-sqlite3'
import { AccessLog } from './access-log.ts'
import { BlobFiles } from './blob-files.ts'
import { BlobFinder } from './blob-finder.ts'
import { BlobLookups } from './blob-lookups.ts'
import { BlobRecords } from './blob-records.ts'
import { Checkpointer } from './checkpointer.ts'
import { DatabasePages } from './database-pages.ts'
import { DiskRoom } from './disk-room.ts'
import { EntryRecords } from './entry-records.ts'
import { Evictor } from './evictor.ts'
import { FileRemover, forgetFiles } from './file-remover.ts'
import { Housekeeper, RECORD_USES_AFTER_MS } from './housekeeper.ts'
import { LogSync } from './log-sync.ts'
import { OpenFiles } from './open-files.ts'
import { OthersVersion } from './others-version.ts'
import { Removals } from './removals.ts'
import type { Need } from './room-maker.ts'
import { RoomMaker } from './room-maker.ts'
import { migrate } from './schema.ts'
import { Shrinker } from './shrinker.ts'
import type { SqlDatabase } from './sql.ts'
import { sqliteError } from './sqlite-errors.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { DEFAULT_ACCESS_GRANULARITY_MS } from './sqlite-options.ts'
import type { SqliteQuota } from './sqlite-quota.ts'
import { sqliteQuota } from './sqlite-quota.ts'
import { Transactions } from './transactions.ts'
import { UseRecords } from './use-records.ts'
import type { JobOptions, Transaction } from './write-queue.ts'
import { WriteQueue } from './write-queue.ts'

/** What exists only while the store runs. */
interface Running {
  readonly database: SqlDatabase
  readonly log: OpenFile
  readonly owner: OwnedDirectory
  readonly transactions: Transactions
  readonly pages: DatabasePages
  readonly blobs: BlobRecords
  readonly finder: BlobFinder
  readonly entries: EntryRecords
  readonly evictor: Evictor
  readonly clock: AccessClock
  readonly accessLog: AccessLog
  readonly queue: WriteQueue
  readonly checkpointer: Checkpointer
  readonly logSync: LogSync
  readonly remover: FileRemover
  readonly room: RoomMaker
  readonly shrinker: Shrinker
  readonly housekeeper: Housekeeper
}

/** One open folder: the database, the files beside it, and the queue of changes. Both halves of a backend share it. */
export class SqliteStore extends Lifecycle {
  readonly files: BlobFiles
  /** Writes that take room on the disk run within it. */
  readonly disk: DiskRoom
  readonly quota: SqliteQuota
  /** The files that this process is reading. */
  readonly openFiles: OpenFiles = new OpenFiles((fileId) => this.removeIfLoose(fileId))
  readonly databasePath: string
  readonly #path: string
  readonly #options: SqliteOptions
  readonly #granularityMs: number
  readonly #operations: FileOperations
  #running: Running | undefined

  constructor(options: SqliteOptions) {
    super()
    this.quota = sqliteQuota(options)
    this.#path = options.path
    this.databasePath = join(options.path, 'caskade.sqlite')
    this.#options = options
    this.#granularityMs = options.accessGranularityMs ?? DEFAULT_ACCESS_GRANULARITY_MS
    this.#operations = options.files ?? nodeFiles
    this.disk = new DiskRoom(options.path, async () => {
      const { log, pages } = this.#state
      pages.begin()
      return { logBytes: await log.sizeBytes(), reusableBytes: pages.freeBytes }
    })
    this.files = new BlobFiles(join(options.path, 'files'), this.#operations)
  }

  get blobs(): BlobRecords {
    return this.#state.blobs
  }

  get finder(): BlobFinder {
    return this.#state.finder
  }

  get entries(): EntryRecords {
    return this.#state.entries
  }

  get clock(): AccessClock {
    return this.#state.clock
  }

  get accessLog(): AccessLog {
    return this.#state.accessLog
  }

  get housekeeper(): Housekeeper {
    return this.#state.housekeeper
  }

  get evictor(): Evictor {
    return this.#state.evictor
  }

  /** The id that marks files as being worked on by this process. */
  get ownerId(): string {
    return this.#state.owner.id
  }

  /** Runs several reads as one; see {@link Transactions.read}. */
  read<Result>(reads: () => Result): Result {
    return this.#state.transactions.read(reads)
  }

  /** Runs changes within a transaction; see {@link WriteQueue.run}. */
  write<Result>(job: (transaction: Transaction) => Result, options?: JobOptions<Result>): Promise<Result> {
    return this.#state.queue.run(job, options)
  }

  /** Waits until whatever a read finds now would survive a power failure; see {@link LogSync.settled}. */
  settled(othersVersion?: unknown): Promise<void> {
    return this.#state.logSync.settled(othersVersion)
  }

  /** Runs changes that need room; see {@link RoomMaker.run}. */
  writeWithRoom<Result>(
    need: Need | (() => Need),
    job: (transaction: Transaction) => Result,
    options?: { readonly isDurable?: boolean | undefined },
  ): Promise<Result> {
    return this.#state.room.run(need, job, options)
  }

  /** Removes a file unless a blob names it, in the background; `stop()` waits for it. */
  removeIfLoose(fileId: number): void {
    if (this.#running === undefined || this.openFiles.isOpen(fileId)) return
    try {
      const { blobs, remover } = this.#running
      const file = blobs.findLooseFile(fileId)
      if (file !== undefined) remover.add([file])
    } catch (error) {
      // It stays listed as loose, so the next start removes it.
      reportEvent({ kind: 'cleanup-failure', storageType: 'Sqlite', operation: 'removeFiles', error })
    }
  }

  protected override async onStart(): Promise<void> {
    try {
      await createLastingDirectory(this.#operations, join(this.#path, 'files'))
      this.#running = await this.#open()
      await this.#takeOverLeftovers()
    } catch (error) {
      await this.onStop()
      throw sqliteError(error, `cannot open ${this.#path}`)
    }
  }

  protected override async onStop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    running.shrinker.stop()
    running.room.stop()
    await running.remover.drain()
    await running.housekeeper.stop()
    // An empty job: what was queued before it is done.
    await running.queue.run(() => undefined).catch(() => undefined)
    this.#running = undefined
    await running.checkpointer.close()
    await running.log.close()
    running.database.close()
    await running.owner.release()
  }

  get #state(): Running {
    if (this.#running === undefined) throw new StorageError('not-running', 'Sqlite: not running; call start() first')
    return this.#running
  }

  async #open(): Promise<Running> {
    const { databasePath } = this
    const database = new Database(databasePath, { timeout: 1000 }) as SqlDatabase
    let owner: OwnedDirectory | undefined
    let log: OpenFile | undefined
    try {
      migrate(database, databasePath)
      database.pragma('synchronous = NORMAL')
      database.pragma('wal_autocheckpoint = 0')
      // Any write creates the log, whose file is then there to be synced.
      database.exec('UPDATE usage SET used_bytes = used_bytes')
      owner = await OwnedDirectory.claim(join(this.#path, 'owners'))
      log = await this.#operations.open(`${databasePath}-wal`, 'update')
      await this.#operations.syncDirectory(this.#path)
      // From here on the event loop does not wait for other processes; the queue does.
      database.pragma('busy_timeout = 0')
      return this.#assemble(database, databasePath, owner, log)
    } catch (error) {
      await log?.close()
      await owner?.release()
      database.close()
      throw error
    }
  }

  #assemble(database: SqlDatabase, databasePath: string, owner: OwnedDirectory, log: OpenFile): Running {
    const blobs = new BlobRecords(database)
    const entries = new EntryRecords(database)
    const clock = new AccessClock(this.#options.now ?? Date.now, blobs.lastAccessUs())
    const uses = new UseRecords(database, owner.id)
    const timing = { clock, granularityMs: this.#granularityMs }
    const accessLog = new AccessLog({ ...timing, maxBytes: this.quota.maxBytes, uses })
    const pages = new DatabasePages(database)
    const transactions = new Transactions(database)
    const checkpointer = new Checkpointer(databasePath, this.quota.log)
    const othersVersion = new OthersVersion(database)
    const logSync = new LogSync({
      othersVersion,
      sync: () => log.sync(),
      emptyLog: () => checkpointer.emptyLog(),
      onRepaired: () => remover.retry(),
    })
    const queue = new WriteQueue({
      database,
      transactions,
      pages,
      flushed: () => logSync.flushed(),
      onBegin: () => accessLog.record(),
      // Uses that cannot be recorded are not worth a write.
      onBeginFailed(error) {
        reportEvent({ kind: 'touch-failure', storageType: 'Sqlite', operation: 'recordUses', error })
      },
      onCommit(transaction) {
        logSync.noteCommit()
        checkpointer.note(transaction.rowBytes)
        remover.add(transaction.looseFiles)
        room.noteCommit(transaction)
        shrinker.noteCommit()
      },
      admit: () => logSync.admission() ?? checkpointer.admission(),
    })
    const shrinker = new Shrinker(database, pages, (job, jobOptions) => queue.run(job, jobOptions))
    const remover = new FileRemover({
      flushed: () => logSync.flushed(),
      remove: (fileId) => this.files.remove(fileId),
      forget: (gone) => queue.run((transaction) => forgetFiles(gone, transaction, blobs), { isDurable: false }),
    })
    const { openFiles, quota } = this
    const housekeeper = new Housekeeper({ accessLog, queue, blobs, openFiles, owner: owner.id })
    const leaseUs = recordedLeaseUs(quota, timing.granularityMs + 2 * RECORD_USES_AFTER_MS)
    const evictor = new Evictor({ blobs, entries, accessLog, clock, openFiles, owner: owner.id, leaseUs })
    const room = new RoomMaker({
      quota,
      pages,
      evictor,
      remover,
      shrinker,
      write: (job, jobOptions) => queue.run(job, jobOptions),
    })
    const lookups = new BlobLookups(database, blobs)
    const finding = { lookups, removals: new Removals(database), othersVersion, transactions, accessLog }
    const finder = new BlobFinder({ ...timing, ...finding })
    const records = { blobs, finder, entries, clock, accessLog }
    const basis = { database, transactions, pages, log, owner }
    return {
      ...records,
      ...basis,
      evictor,
      queue,
      checkpointer,
      logSync,
      remover,
      room,
      shrinker,
      housekeeper,
    }
  }

  /** Takes over the uses of processes that have ended, and removes the files that those were working on that did not stop. */
  async #takeOverLeftovers(): Promise<void> {
    const { owner, blobs, remover, housekeeper } = this.#state
    await housekeeper.takeOverUses(owner)
    for (const id of blobs.looseFileOwners()) {
      if (id !== owner.id && (await owner.isGone(id))) remover.add(blobs.looseFilesOf(id))
    }
    await remover.drain()
    for (const id of await owner.abandoned()) await owner.removeAbandoned(id)
  }
}
