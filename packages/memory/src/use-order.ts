/** What stands in a {@link UseOrder}, which alone sets these. */
export interface Ordered<Item> {
  older: Item | undefined
  newer: Item | undefined
}

/**
 * Keeps items in the order in which they were used last.
 *
 * A map keeps such an order as well, when a use deletes an item and adds it again; but then it is rebuilt once for as many
 * uses as it has items.
 */
export class UseOrder<Item extends Ordered<Item>> {
  #oldest: Item | undefined
  #newest: Item | undefined

  /** The one that was used least recently. */
  get oldest(): Item | undefined {
    return this.#oldest
  }

  /** Adds an item that is in no order, as the one that was used last. */
  add(item: Item): void {
    item.older = this.#newest
    item.newer = undefined
    if (this.#newest === undefined) this.#oldest = item
    else this.#newest.newer = item
    this.#newest = item
  }

  remove(item: Item): void {
    if (item.older === undefined) this.#oldest = item.newer
    else item.older.newer = item.newer
    if (item.newer === undefined) this.#newest = item.older
    else item.newer.older = item.older
  }

  /** Makes an item the one that was used last. */
  renew(item: Item): void {
    if (item === this.#newest) return
    this.remove(item)
    this.add(item)
  }
}
