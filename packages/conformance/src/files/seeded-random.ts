/** Numbers from 0 up to 1 that look random and are the same for the same seed. */
export type Random = () => number

/** Makes a source of random numbers; whoever uses one in a test prints the seed when the test fails. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from 0 up to, and not including, `end`. */
export function randomBelow(random: Random, end: number): number {
  return Math.floor(random() * end)
}

/** One of several. */
export function randomOf<Item>(random: Random, items: readonly [Item, ...Item[]]): Item {
  return items[randomBelow(random, items.length)] ?? items[0]
}
