import { join } from 'node:path'
import type { FileOperations } from '@caskade/core/files'
import { unlinkIfThere } from '@caskade/core/files'
import type { LedgerFile } from './ledger.ts'
import { claimedName, Ledger, listLedgers, readLedger } from './ledger.ts'
import type { LedgerState } from './ledger-record.ts'

/** Into how many parts a quota is divided that a process takes at once, and gives back at once. */
const CHUNKS = 256

/** The largest such part, in bytes. */
const MAX_CHUNK_BYTES = 256 * 1024 * 1024

/** What {@link Accounts} need. */
export interface AccountsOptions {
  /** The folder of the ledgers. */
  readonly directory: string
  readonly files: FileOperations
  /** What all processes together may take, in bytes. */
  readonly maxBytes: number
  /** Names this process. */
  readonly owner: string
  /** Tells whether the process of that name is gone. */
  readonly isGone: (owner: string) => Promise<boolean>
}

/** What all ledgers come to. */
export interface Totals {
  /** Taken and not given back. */
  readonly usedBytes: number
  /** Taken, ever. */
  readonly takenBytes: number
  /** Removed, ever. */
  readonly removedBytes: number
  /** How many processes are at work. */
  readonly processes: number
  /** Which ledgers there are. While one is taken over it may be counted twice. */
  readonly ledgers: string
}

const NOTHING: Totals = { usedBytes: 0, takenBytes: 0, removedBytes: 0, processes: 0, ledgers: '' }

/**
 * What processes that share a folder have taken of one quota, without a lock between them.
 *
 * Each has a ledger that it alone writes. To take more, a process writes that it has, and only then reads the ledgers of all
 * others; if together they are above the quota, it gives back. Of two that take at the same time at least one sees the
 * other, so they never pass together. A process takes more than it needs at once, so that most writes need no file of
 * the ledger's.
 */
export class Accounts {
  readonly #options: AccountsOptions
  readonly chunkBytes: number
  #ledger: Ledger | undefined
  #taken = 0
  #freed = 0
  #removed = 0
  /** How much of that is in no ledger yet. */
  #unwritten = 0
  #isRecountDue = false
  /** What is taken and not in use: the next writes have it. */
  #pooled = 0
  /** What writes under way have of what is taken. */
  #reserved = 0
  /** What the ledgers of the others came to when they were last read. */
  #others: Totals = NOTHING
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(options: AccountsOptions) {
    this.#options = options
    this.chunkBytes = Math.min(Math.ceil(options.maxBytes / CHUNKS), MAX_CHUNK_BYTES)
  }

  /** What is in use as far as this process knows, in bytes; what others keep for their next writes counts as used. */
  get usedBytes(): number {
    return this.#others.usedBytes + this.#taken - this.#freed - this.#pooled
  }

  /** Whether more may be counted than is there. */
  get isRecountDue(): boolean {
    return this.#isRecountDue
  }

  /** Begins the ledger of this process. Resolves to whether there was none before, of anybody. */
  async open(): Promise<boolean> {
    const { directory, owner, files } = this.#options
    const isFirst = (await listLedgers(directory, files)).length === 0
    this.#ledger = await Ledger.create(directory, owner, this.#state(), files)
    return isFirst
  }

  /** Gives back what is not in use, and says that all is in good order. */
  async close(): Promise<void> {
    try {
      await this.#serially(async () => {
        this.#freed += this.#pooled
        this.#pooled = 0
        await this.#ledger?.write({ ...this.#state(), isClosed: true }, { isDurable: true })
      })
    } finally {
      await this.#ledger?.close()
    }
  }

  /** Takes so many bytes for a write if they are at hand; never while more is in use than there may be. */
  tryTake(bytes: number): boolean {
    if (bytes > this.#pooled || this.#room() < 0) return false
    this.#pooled -= bytes
    this.#reserved += bytes
    return true
  }

  /** The write that has taken so many bytes has ended, and what it stored is in use. */
  settle(bytes: number): void {
    this.#reserved -= bytes
  }

  /** So many bytes are no longer in use. */
  free(bytes: number): void {
    this.#pooled += bytes
    this.#removed += bytes
    this.#unwritten += bytes
    if (this.#unwritten <= this.chunkBytes && this.#pooled <= 2 * this.chunkBytes) return
    void this.#serially(() => this.#settleUp()).catch(() => undefined)
  }

  /** Has so many bytes at hand that were not; resolves to false when the quota has no room for them. */
  grow(bytes: number): Promise<boolean> {
    return this.#serially(async () => {
      await this.#refresh()
      await this.#giveBack(Math.min(this.#pooled, -this.#room()), { isDurable: false })
      const needed = bytes - this.#pooled
      const room = this.#room()
      if (needed <= 0) return room >= 0
      if (room < needed) return false
      const wanted = Math.min(room, Math.max(needed, this.chunkBytes))
      this.#taken += wanted
      this.#pooled += wanted
      try {
        await this.#write({ isDurable: true })
        await this.#refresh()
        if (this.#room() >= 0) return true
      } catch (error) {
        await this.#giveBack(wanted, { isDurable: false }).catch(() => undefined)
        throw error
      }
      // Others have taken at the same time.
      await this.#giveBack(Math.min(wanted, this.#pooled), { isDurable: false })
      return false
    })
  }

  /** Reads the ledgers of the others. */
  refresh(): Promise<void> {
    return this.#serially(() => this.#refresh())
  }

  /** What all ledgers come to now. */
  async totals(): Promise<Totals> {
    await this.refresh()
    const { usedBytes, takenBytes, removedBytes } = this.#others
    return {
      ...this.#others,
      usedBytes: usedBytes + this.#taken - this.#freed,
      takenBytes: takenBytes + this.#taken,
      removedBytes: removedBytes + this.#removed,
    }
  }

  /** Says that what is there has to be counted, or was. */
  setRecountDue(isDue: boolean): Promise<void> {
    return this.#serially(async () => {
      this.#isRecountDue = isDue
      await this.#write({ isDurable: true })
    })
  }

  /** Corrects what is counted: down when less is certainly there, up when more certainly is. */
  correct(bytes: number): Promise<void> {
    return this.#serially(async () => {
      if (bytes > 0) this.#taken += bytes
      else this.#freed -= bytes
      await this.#write({ isDurable: true })
    })
  }

  /**
   * Takes over the ledgers of processes that are gone. A crash in between only counts them twice, and has what is there
   * counted.
   */
  adopt(): Promise<void> {
    return this.#serially(async () => {
      const { directory, owner, files, isGone } = this.#options
      for (const ledger of await listLedgers(directory, files)) {
        const isLeft = ledger.owner === owner ? ledger.origin !== owner : await isGone(ledger.owner)
        if (isLeft) await this.#adoptOne(ledger)
      }
      await this.#refresh()
    })
  }

  async #refresh(): Promise<void> {
    const { directory, owner, files } = this.#options
    const ledgers = await listLedgers(directory, files)
    if (!ledgers.some((ledger) => ledger.owner === owner && ledger.origin === owner)) await this.#beginAgain()
    const sum = {
      ...NOTHING,
      processes: 1,
      ledgers: ledgers
        .map(({ name }) => name)
        .toSorted()
        .join(),
    }
    for (const ledger of ledgers) {
      if (ledger.origin === owner && ledger.owner === owner) continue
      const state = await readLedger(join(directory, ledger.name), files)
      if (state === null || state === undefined) continue
      sum.usedBytes += state.takenBytes - state.freedBytes
      sum.takenBytes += state.takenBytes
      sum.removedBytes += state.removedBytes
      if (!state.isClosed) sum.processes += 1
    }
    this.#others = sum
  }

  async #adoptOne(ledger: LedgerFile): Promise<void> {
    const { directory, owner, files } = this.#options
    const path = join(directory, claimedName(ledger, owner))
    if (ledger.name !== claimedName(ledger, owner)) {
      const isMine = await files.rename(join(directory, ledger.name), path).then(
        () => true,
        () => false,
      )
      // Another process was first.
      if (!isMine) return
    }
    const state = await readLedger(path, files)
    if (state === null) return
    // One that was claimed before may have been added to the ledger of whoever claimed it, and not removed.
    const isExact = state !== undefined && state.isClosed && !state.isRecountDue && ledger.owner === ledger.origin
    this.#isRecountDue ||= !isExact
    this.#taken += Math.max(state?.takenBytes ?? 0, state?.freedBytes ?? 0)
    this.#freed += state?.freedBytes ?? 0
    this.#removed += state?.removedBytes ?? 0
    await this.#write({ isDurable: true })
    await unlinkIfThere(files, path)
  }

  /** Begins the ledger anew after another process has taken this one for dead: what was stored is in that one's ledger now. */
  async #beginAgain(): Promise<void> {
    if (this.#ledger === undefined) return
    const { directory, owner, files } = this.#options
    await this.#ledger.close()
    this.#taken = this.#reserved + this.#pooled
    this.#freed = 0
    this.#isRecountDue = true
    this.#ledger = await Ledger.create(directory, owner, this.#state(), files)
  }

  #room(): number {
    return this.#options.maxBytes - this.#others.usedBytes - this.#taken + this.#freed
  }

  #state(): LedgerState {
    const isRecountDue = this.#isRecountDue
    const [takenBytes, freedBytes, removedBytes] = [this.#taken, this.#freed, this.#removed]
    return { takenBytes, freedBytes, removedBytes, isClosed: false, isRecountDue }
  }

  /** Gives back what is not needed soon, and tells what was removed. */
  async #settleUp(): Promise<void> {
    if (this.#pooled > 2 * this.chunkBytes) await this.#giveBack(this.#pooled - this.chunkBytes, { isDurable: false })
    else if (this.#unwritten > 0) await this.#write({ isDurable: false })
  }

  async #giveBack(bytes: number, options: { readonly isDurable: boolean }): Promise<void> {
    if (bytes <= 0) return
    this.#pooled -= bytes
    this.#freed += bytes
    await this.#write(options)
  }

  async #write(options: { readonly isDurable: boolean }): Promise<void> {
    this.#unwritten = 0
    await this.#ledger?.write(this.#state(), options)
  }

  #serially<Result>(operation: () => Promise<Result>): Promise<Result> {
    const result = this.#lastWrite.then(operation)
    this.#lastWrite = result.catch(() => undefined)
    return result
  }
}
