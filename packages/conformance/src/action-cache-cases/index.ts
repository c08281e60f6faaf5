import type { ActionCacheCase } from '../action-cache-harness.ts'
import { badUseCases } from './bad-use.ts'
import { entryCases } from './entries.ts'

/** Every case for action caches: the rules of the contract, one by one. */
export const actionCacheCases: readonly ActionCacheCase[] = [...entryCases, ...badUseCases]
