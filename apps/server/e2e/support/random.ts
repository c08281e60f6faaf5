/**
 * Random numbers from 0 up to 1 that are the same for the same seed. The seed is printed, and can be set with
 * CASKADE_E2E_SEED to repeat a run.
 */
export function createRandom(name: string): () => number {
  const seed = Number(process.env['CASKADE_E2E_SEED'] ?? Date.now() % 1_000_000)
  process.stdout.write(`${name}: CASKADE_E2E_SEED=${seed}\n`)
  let state = seed >>> 0
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
