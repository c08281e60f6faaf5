import type { Quota } from '@caskade/core'
import { Lifecycle, recordedLeaseUs, reportEvent, resolveQuota, StorageError } from '@caskade/core'
import type { FileOperations } from '@caskade/core/files'
import {
  AccessClock,
  createLastingDirectory,
  fileError,
  nodeFiles,
  OwnedDirectory,
  QuickReads,
  VerifiedFiles,
} from '@caskade/core/files'
import { AccessLog, RECORD_AFTER_MS } from './access-log.ts'
import { Accounts } from './accounts.ts'
import { BlobFiles } from './blob-files.ts'
import { BlobFinder } from './blob-finder.ts'
import { BlobOpener } from './blob-opener.ts'
import { BlobWriter } from './blob-writer.ts'
import { EntryFiles } from './entry-files.ts'
import { Evictor } from './evictor.ts'
import { bytesForFiles } from './file-cost.ts'
import { FilePublisher } from './file-publisher.ts'
import { FileTaker } from './file-taker.ts'
import { FolderSyncs } from './folder-syncs.ts'
import { checkFormat } from './format.ts'
import type { FsOptions } from './fs-options.ts'
import { DEFAULT_ACCESS_GRANULARITY_MS, QUOTA_DEFAULTS } from './fs-options.ts'
import { HeldFiles } from './held-files.ts'
import { Layout } from './layout.ts'
import { putBackTaken, removeLeftovers } from './leftovers.ts'
import { recount } from './recount.ts'
import { Room } from './room.ts'
import { StoredFiles } from './stored-files.ts'

/** How often to look whether another process has died, in milliseconds. */
const LOOK_AFTER_MS = 60_000

/** What there is while it runs. */
export interface Running {
  readonly owner: OwnedDirectory
  readonly accounts: Accounts
  readonly stored: StoredFiles
  readonly syncs: FolderSyncs
  readonly accessLog: AccessLog
  readonly taker: FileTaker
  readonly room: Room
  readonly blobs: BlobFiles
  readonly finder: BlobFinder
  readonly opener: BlobOpener
  readonly writer: BlobWriter
  readonly entries: EntryFiles
}

/** The open folder that both halves of a backend share. */
export class FsStore extends Lifecycle {
  readonly layout: Layout
  /** With the bytes that are there for files. */
  readonly quota: Quota
  readonly #options: FsOptions
  readonly files: FileOperations
  readonly #granularityMs: number
  #running: Running | undefined
  #background = new AbortController()
  #looking: Promise<void> = Promise.resolve()
  #lookAgain: NodeJS.Timeout | undefined

  constructor(options: FsOptions) {
    super()
    this.layout = new Layout(options.path)
    const { maxBytes = QUOTA_DEFAULTS.maxBytes } = options
    this.quota = resolveQuota('Fs', { ...options, maxBytes: bytesForFiles(maxBytes) }, QUOTA_DEFAULTS)
    this.#options = options
    this.files = options.files ?? nodeFiles
    this.#granularityMs = options.accessGranularityMs ?? DEFAULT_ACCESS_GRANULARITY_MS
  }

  /** @throws StorageError `not-running` unless it is started. */
  get running(): Running {
    if (this.#running === undefined) throw new StorageError('not-running', 'Fs: not running; call start() first')
    return this.#running
  }

  /** Resolves when what processes that are gone left behind has been dealt with. */
  get settled(): Promise<void> {
    return this.#looking
  }

  protected override async onStart(): Promise<void> {
    let owner: OwnedDirectory | undefined
    try {
      for (const folder of [this.layout.blobs, this.layout.entries, this.layout.temporary, this.layout.ledgers]) {
        await createLastingDirectory(this.files, folder)
      }
      owner = await OwnedDirectory.claim(this.layout.temporary)
      await checkFormat(this.layout, owner.path, this.files)
      this.#running = await this.#open(owner)
    } catch (error) {
      await owner?.release()
      throw fileError(error, `Fs: cannot open ${this.layout.root}`)
    }
    this.#background = new AbortController()
    this.#look()
    this.#lookAgain = setInterval(() => this.#look(), LOOK_AFTER_MS).unref()
  }

  protected override async onStop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    clearInterval(this.#lookAgain)
    this.#background.abort()
    await this.#looking
    await running.room.stop()
    await running.accessLog.flush()
    this.#running = undefined
    await running.taker.retry()
    try {
      if (running.taker.isStuck) await running.accounts.setRecountDue(true)
      await running.accounts.close()
    } catch (error) {
      // The next to start takes it for one that was killed, and counts.
      reportEvent({ kind: 'cleanup-failure', storageType: 'Fs', operation: 'stop', error })
    }
    await running.owner.release()
  }

  async #open(owner: OwnedDirectory): Promise<Running> {
    const { layout, quota } = this
    const files = this.files
    const granularityMs = this.#granularityMs
    const accounts = new Accounts({
      directory: layout.ledgers,
      files,
      maxBytes: quota.maxBytes,
      owner: owner.id,
      isGone: (id) => owner.isGone(id),
    })
    const onFreed = (bytes: number): void => accounts.free(bytes)
    const clock = new AccessClock(this.#options.now ?? Date.now)
    const accessLog = new AccessLog({ layout, files, clock, granularityMs })
    const quick = new QuickReads(files.blocking)
    const stored = new StoredFiles(layout, files, quick)
    const syncs = new FolderSyncs(files)
    const held = new HeldFiles({ layout, files, directory: owner.path, onFreed })
    const taker = new FileTaker({ layout, files, held, accessLog, onFreed })
    const evictor = new Evictor({
      stored,
      taker,
      accessLog,
      clock,
      leaseUs: recordedLeaseUs(quota, granularityMs + RECORD_AFTER_MS),
    })
    const room = new Room({ quota, accounts, evictor, taker })
    const publisher = new FilePublisher({ layout, files, syncs, taker, directory: owner.path })
    const blobs = new BlobFiles({ layout, files, quick, taker })
    const finder = new BlobFinder({ layout, quick, syncs, accessLog, clock, granularityMs })
    const opener = new BlobOpener({ blobs, held, accessLog, verified: new VerifiedFiles() })
    const writer = new BlobWriter({ layout, files, blobs, syncs, taker, publisher, room, clock, granularityMs })
    const entries = new EntryFiles({ layout, files, quick, stored, taker, held, publisher, room, clock, accessLog })

    await putBackTaken({ layout, files, syncs, owner }).catch(reportFailure)
    await this.#openAccounts(accounts, stored)
    return { owner, accounts, stored, syncs, accessLog, taker, room, blobs, finder, opener, writer, entries }
  }

  async #openAccounts(accounts: Accounts, stored: StoredFiles): Promise<void> {
    const isFirst = await accounts.open()
    try {
      await accounts.adopt()
      // Somebody has put files here and no ledger: they are counted from now on.
      if (isFirst && (await stored.folders()).length > 0) await accounts.setRecountDue(true)
    } catch (error) {
      await accounts.close().catch(() => undefined)
      throw error
    }
  }

  /** Looks for what processes left that are gone, one look at a time. */
  #look(): void {
    this.#looking = this.#lookAfter(this.#looking)
  }

  async #lookAfter(earlier: Promise<void>): Promise<void> {
    await earlier
    const running = this.#running
    if (running === undefined) return
    const { owner, accounts, stored, syncs, room } = running
    const { layout, files } = this
    const { signal } = this.#background
    try {
      await accounts.adopt()
      await removeLeftovers({ layout, files, syncs, owner })
      if (accounts.isRecountDue && !signal.aborted) await recount({ layout, files, stored, accounts, signal })
      room.trim()
    } catch (error) {
      reportFailure(error)
    }
  }
}

function reportFailure(error: unknown): void {
  reportEvent({ kind: 'cleanup-failure', storageType: 'Fs', operation: 'start', error })
}
