import { setImmediate } from 'node:timers/promises'

/** How many items, of some microseconds each, are dealt with before all others get their turn. */
const ITEMS_PER_TURN = 1000

/** Has long work over many items let other calls have their turn now and then. */
export class WorkTurns {
  #items = 0

  /** To be called where the work can be interrupted, with what was done since the last time. Unless undefined, the promise must be awaited. */
  take(items = 1): Promise<void> | undefined {
    this.#items += items
    if (this.#items < ITEMS_PER_TURN) return undefined
    this.#items = 0
    return setImmediate()
  }
}

/** Maps many items, turn by turn. */
export async function mapInTurns<Item, Result>(items: readonly Item[], map: (item: Item) => Result): Promise<Result[]> {
  const turns = new WorkTurns()
  const results: Result[] = []
  for (const item of items) {
    results.push(map(item))
    const turn = turns.take()
    // Awaiting nothing takes longer than the work.
    if (turn !== undefined) await turn
  }
  return results
}
