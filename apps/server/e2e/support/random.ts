import { type Random, seededRandom } from '@caskade/conformance'

/**
 * Random numbers from 0 up to 1 that are the same for the same seed. The seed is printed, and can be set with
 * CASKADE_E2E_SEED to repeat a run.
 */
export function createRandom(name: string): Random {
  const seed = Number(process.env['CASKADE_E2E_SEED'] ?? Date.now() % 1_000_000)
  process.stdout.write(`${name}: CASKADE_E2E_SEED=${seed}\n`)
  return seededRandom(seed)
}
