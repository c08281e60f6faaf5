/** The 64 bits that a text hashes to, as two 32-bit integers. */
interface Hash64 {
  readonly high: number
  readonly low: number
}

/**
 * Weighted rendezvous hashing: makes a function that names the shard a key belongs to.
 *
 * Every shard scores `-weight / ln(u)` for a key, where `u`, between 0 and 1, depends on nothing but the name of the
 * shard and the key; the highest score wins. So each shard gets its weight's part of all keys, the order of the shards
 * does not matter, and a change of one shard's weight moves keys to it or from it, and none between the others. A shard
 * of weight 0 gets none; without any other, every key belongs to `''`.
 *
 * What belongs where is a promise to every stored blob: this must never compute anything else. Known answers hold it.
 */
export function rendezvousHashing(weights: ReadonlyMap<string, number>): (key: string) => string {
  const shards = [...weights]
    .filter(([, weight]) => weight > 0)
    .map(([name, weight]) => ({ name, weight, seed: hashOf(name) }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
  return (key) => {
    const hash = hashOf(key)
    let owner = ''
    let highest = Number.NEGATIVE_INFINITY
    for (const { name, weight, seed } of shards) {
      // Engines may differ in the last bit of a logarithm, which decides about one key in 10^15.
      const score = -weight / Math.log(fractionOf(seed, hash))
      if (score <= highest) continue
      highest = score
      owner = name
    }
    return owner
  }
}

/** Hashes the UTF-16 code units of a text in two lanes, each multiplying by an odd number of its own. */
function hashOf(text: string): Hash64 {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    high = Math.imul(high ^ unit, 0x9e3779b1)
    low = Math.imul(low ^ unit, 0x5f356495)
  }
  return { high, low }
}

/** Mixes both hashes so that every bit of either decides about every bit of the result, strictly between 0 and 1. */
function fractionOf(seed: Hash64, { high: keyHigh, low: keyLow }: Hash64): number {
  // Three rounds of a Feistel network over the two halves: nothing of the 64 bits is lost on the way.
  let high = keyHigh ^ mix(seed.high)
  let low = keyLow ^ mix(seed.low)
  high ^= mix(low + 0x9e3779b9)
  low ^= mix(high + 0x85ebca6b)
  high ^= mix(low + 0xc2b2ae35)
  // 52 bits and a half: exact in a double, and neither 0 nor 1.
  return ((high >>> 0) * 2 ** 20 + (low >>> 12) + 0.5) / 2 ** 52
}

/** The finalizer of MurmurHash3, which spreads 32 bits over 32 bits. */
function mix(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
