/** What a {@link FairBudget} is made with. */
export interface FairBudgetOptions {
  /** What all holders may have together. */
  readonly max: number
  /** What the holders of one client may have together. Default: a quarter of all. */
  readonly maxPerClient?: number | undefined
}

/** Who wants something of a {@link FairBudget}. */
export interface Claimant {
  /** Whose share it is counted in. */
  readonly peer: string
  /** Gives up waiting. */
  readonly signal: AbortSignal
}

interface Waiting {
  readonly amount: number
  readonly admit: () => void
}

interface Client {
  heldAmount: number
  readonly waiting: Set<Waiting>
}

/**
 * Bounds what many calls take together, such as memory, by having those wait for whom there is not enough left. Clients
 * take turns, however many calls each has waiting, and none has more than its share.
 */
export class FairBudget {
  readonly #max: number
  readonly #maxPerClient: number
  readonly #clients = new Map<string, Client>()
  /** The clients that have calls waiting and are below their share, those whose turn comes first at the front. */
  readonly #turns = new Set<Client>()
  #heldAmount = 0

  constructor({ max, maxPerClient = max / 4 }: FairBudgetOptions) {
    this.#max = max
    this.#maxPerClient = maxPerClient
  }

  /**
   * Waits until so much is left, and takes it. What is more than everything counts as everything. Resolves to a function
   * that gives it back, which may be called more than once. Rejects with the reason of the signal.
   */
  async acquire(amount: number, { peer, signal }: Claimant): Promise<() => void> {
    signal.throwIfAborted()
    const client = this.#clients.get(peer) ?? { heldAmount: 0, waiting: new Set() }
    this.#clients.set(peer, client)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = { amount: Math.min(amount, this.#max), admit: resolve }
    const onAbort = (): void => {
      client.waiting.delete(waiting)
      if (this.#hasShareLeft(client)) this.#turns.add(client)
      else this.#turns.delete(client)
      this.#forget(peer, client)
      reject(signal.reason as Error)
      // It may have been the one that all others waited behind.
      this.#admit()
    }
    signal.addEventListener('abort', onAbort, { once: true })
    client.waiting.add(waiting)
    if (this.#hasShareLeft(client)) this.#turns.add(client)
    this.#admit()
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
    return once(() => {
      client.heldAmount -= waiting.amount
      this.#heldAmount -= waiting.amount
      if (this.#hasShareLeft(client)) this.#turns.add(client)
      this.#forget(peer, client)
      this.#admit()
    })
  }

  #admit(): void {
    for (const client of this.#turns) {
      const [next] = client.waiting
      if (next === undefined) continue
      // Nobody overtakes the one whose turn it is, or what is large would wait forever.
      if (this.#heldAmount + next.amount > this.#max) return
      client.waiting.delete(next)
      client.heldAmount += next.amount
      this.#heldAmount += next.amount
      this.#turns.delete(client)
      // Again at the end, which this very loop still comes to.
      if (this.#hasShareLeft(client)) this.#turns.add(client)
      next.admit()
    }
  }

  /** Whether the next call of a client may be admitted; its first always may. */
  #hasShareLeft({ heldAmount, waiting }: Client): boolean {
    const [next] = waiting
    return next !== undefined && (heldAmount === 0 || heldAmount + next.amount <= this.#maxPerClient)
  }

  #forget(peer: string, { heldAmount, waiting }: Client): void {
    if (heldAmount === 0 && waiting.size === 0) this.#clients.delete(peer)
  }
}

function once(action: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    action()
  }
}
