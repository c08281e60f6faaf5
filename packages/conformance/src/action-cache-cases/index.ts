import type { ActionCacheCase } from '../action-cache-harness.ts'
import { abortCases } from './aborts.ts'
import { badUseCases } from './bad-use.ts'
import { concurrencyCases } from './concurrency.ts'
import { entryCases } from './entries.ts'
import { historyCases } from './histories.ts'

/** Every case for action caches: the rules of the contract, one by one. */
export const actionCacheCases: readonly ActionCacheCase[] = [
  ...entryCases,
  ...concurrencyCases,
  ...badUseCases,
  ...abortCases,
  ...historyCases,
]
