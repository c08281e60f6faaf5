import type { ActionCacheCase } from '../action-cache-harness.ts'
import { runActionCacheHistory } from '../histories/run-action-cache-history.ts'

/** Random histories, always the same ones; to try others and more, call the function with a seed. */
export const historyCases: readonly ActionCacheCase[] = [
  {
    name: 'history: whatever is done one after the other, an action cache answers as a map would',
    run: ({ harness }) => runActionCacheHistory(harness),
  },
]
