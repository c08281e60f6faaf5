import { setImmediate } from 'node:timers/promises'

/** How many items, of some microseconds each, are dealt with before all others get their turn. */
const ITEMS_PER_TURN = 1000

/** Has long work over many items let other calls have their turn now and then. */
export class WorkTurns {
  #items = 0

  /** To be called, and awaited, where the work can be interrupted, with what was done since the last time. */
  async take(items = 1): Promise<void> {
    this.#items += items
    if (this.#items < ITEMS_PER_TURN) return
    this.#items = 0
    await setImmediate()
  }
}

/** Maps many items, turn by turn. */
export async function mapInTurns<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Result,
): Promise<Awaited<Result>[]> {
  const turns = new WorkTurns()
  const results: Awaited<Result>[] = []
  for (const item of items) {
    results.push(await map(item))
    await turns.take()
  }
  return results
}
