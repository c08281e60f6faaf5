import { runConcurrentHistory } from '../histories/run-concurrent-history.ts'
import { runHistory } from '../histories/run-history.ts'
import type { StorageCase } from '../storage-harness.ts'

/** Random histories, always the same ones; to try others and more, call the functions with a seed. */
export const historyCases: readonly StorageCase[] = [
  {
    name: 'history: whatever is done one after the other, a storage answers as a map would',
    run: ({ harness }) => runHistory(harness),
  },
  {
    name: 'history: whatever clients do at once, for every blob some order explains what they saw',
    run: ({ harness }) => runConcurrentHistory(harness),
  },
]
