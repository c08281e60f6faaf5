import { StorageError } from '../storage-error.ts'
import { reportEvent } from '../storage-events.ts'
import { backoffMs } from './backoff.ts'
import { FifoQueue } from './fifo-queue.ts'
import type { PendingItem } from './pending-item.ts'
import { isEntry } from './pending-item.ts'

/** Waits of the whole delivery while the fallback is unavailable, in milliseconds. */
const OUTAGE_BACKOFF = { baseMs: 200, maxMs: 15_000 }

/** Waits of one write that the fallback does not take although it answers, in milliseconds. */
const ITEM_BACKOFF = { baseMs: 1000, maxMs: 300_000 }

/** How a {@link Delivery} works. */
export interface DeliveryOptions {
  /** How many writes are on their way at once. */
  readonly concurrency: number
  /** Brings one write to the fallback. */
  readonly send: (item: PendingItem, signal: AbortSignal) => Promise<void>
  /** The write has arrived. */
  readonly onArrival: (item: PendingItem) => void
  /** The write can never arrive, because its content was lost. */
  readonly onLoss: (item: PendingItem, error: unknown) => void
}

/**
 * Brings pending writes to the fallback: several at once, oldest first, again and again until they arrive.
 *
 * While the fallback is unavailable, one write at a time finds out whether it is back, ever more rarely.
 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #blobs = new FifoQueue<PendingItem>()
  readonly #entries = new FifoQueue<PendingItem>()
  readonly #sending = new Set<PendingItem>()
  readonly #timers = new Map<NodeJS.Timeout, PendingItem>()
  /** Whether there is somebody to deliver to; a kind without is kept back. */
  readonly #isOpen = { blob: false, entry: false }
  #failures = 0
  #outage: NodeJS.Timeout | undefined
  #lastError: unknown

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  /** How many attempts in a row found the fallback unavailable. */
  get consecutiveFailures(): number {
    return this.#failures
  }

  /** Why the latest failed attempt failed; undefined while deliveries succeed. */
  get lastError(): unknown {
    return this.#lastError
  }

  /** Takes a write that nothing blocks. */
  add(item: PendingItem): void {
    if (isEntry(item)) this.#entries.push(item)
    else this.#blobs.push(item)
    this.#pump()
  }

  /** Begins to deliver blobs, or entries. */
  open(kind: 'blob' | 'entry'): void {
    this.#isOpen[kind] = true
    this.#pump()
  }

  /** Stops delivering them, and waits for those on their way, which are told to stop. */
  async close(kind: 'blob' | 'entry'): Promise<void> {
    this.#isOpen[kind] = false
    const sending = [...this.#sending].filter(({ header }) => header.type === kind)
    for (const item of sending) item.sending?.abort(new StorageError('not-running', 'WithCache: it is being stopped'))
    await Promise.all(sending.map(async ({ sent }) => sent))
    if (this.#isOpen.blob || this.#isOpen.entry) return
    clearTimeout(this.#outage)
    this.#outage = undefined
    const waiting = [...this.#timers]
    this.#timers.clear()
    for (const [timer, item] of waiting) {
      clearTimeout(timer)
      this.add(item)
    }
  }

  #pump(): void {
    while (this.#outage === undefined && this.#sending.size < this.#limit()) {
      const item = this.#next()
      if (item === undefined) return
      item.sent = this.#deliver(item)
    }
  }

  #limit(): number {
    return this.#failures > 0 ? 1 : this.#options.concurrency
  }

  // Entries are few and small, and with them all that they name becomes of use. While one at a time finds out whether the
  // fallback is back, both kinds take turns, because it may be back for one of them only.
  #next(): PendingItem | undefined {
    const [first, second] = this.#failures % 2 === 0 ? (['entry', 'blob'] as const) : (['blob', 'entry'] as const)
    return this.#take(first) ?? this.#take(second)
  }

  #take(kind: 'blob' | 'entry'): PendingItem | undefined {
    return this.#isOpen[kind] ? takeSendable(kind === 'blob' ? this.#blobs : this.#entries) : undefined
  }

  async #deliver(item: PendingItem): Promise<void> {
    const controller = new AbortController()
    item.sending = controller
    this.#sending.add(item)
    let failure: unknown
    let hasArrived = false
    try {
      await this.#options.send(item, controller.signal)
      hasArrived = true
    } catch (error) {
      failure = error
    }
    this.#sending.delete(item)
    item.sending = undefined
    item.sent = undefined
    if (hasArrived) this.#succeeded(item)
    else this.#failed(item, failure, controller.signal.aborted)
    this.#pump()
  }

  #succeeded(item: PendingItem): void {
    this.#failures = 0
    this.#lastError = undefined
    this.#options.onArrival(item)
  }

  #failed(item: PendingItem, error: unknown, wasStopped: boolean): void {
    if (item.isSettled) return
    if (wasStopped) {
      if (item.holders === 0) this.add(item)
      return
    }
    if (item.isLost) {
      this.#options.onLoss(item, error)
      return
    }
    const { header } = item
    const digest = header.type === 'blob' ? header.digest : undefined
    reportEvent({ kind: 'deferred-failure', storageType: 'WithCache', operation: 'deliver', digest, error })
    this.#lastError = error
    item.attempts += 1
    if (StorageError.is(error, 'unavailable')) this.#pause(item)
    else this.#retryLater(item)
  }

  #pause(item: PendingItem): void {
    // Those that were on their way together have failed once.
    if (this.#outage === undefined) this.#failures += 1
    this.#outage ??= setTimeout(
      () => {
        this.#outage = undefined
        this.#pump()
      },
      backoffMs(this.#failures, OUTAGE_BACKOFF),
    )
    this.add(item)
  }

  #retryLater(item: PendingItem): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        this.add(item)
      },
      backoffMs(item.attempts, ITEM_BACKOFF),
    )
    this.#timers.set(timer, item)
  }
}

function takeSendable(queue: FifoQueue<PendingItem>): PendingItem | undefined {
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    // Those held or settled meanwhile come back by themselves, or never.
    if (item.holders === 0 && !item.isSettled && item.sending === undefined) return item
  }
  return undefined
}
