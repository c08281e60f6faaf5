/** How many places at the front may be empty before they are given up. */
const MAX_EMPTY = 1024

/** A queue whose first item is taken at a cost that does not depend on its length. */
export class FifoQueue<Item> {
  #items: (Item | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  push(item: Item): void {
    this.#items.push(item)
  }

  /** Takes the first item; undefined when there is none. */
  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head] = undefined
    this.#head += 1
    if (this.#head >= MAX_EMPTY && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
