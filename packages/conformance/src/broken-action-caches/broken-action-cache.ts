import type { ActionCacheABC, ActionCacheRecord } from '@caskade/core'
import type { ActionCacheHarness } from '../action-cache-harness.ts'
import { ReferenceActionCache } from '../reference/reference-action-cache.ts'

/** What is stored, by the key as JSON; an action cache made over it remembers it. */
export type ActionCacheRecords = Map<string, ActionCacheRecord>

/** An action cache with one defect, and the case of the suite that must notice it. */
export interface BrokenActionCache {
  /** What it does wrong, as a sentence without a subject. */
  readonly defect: string
  /** The name of the case. */
  readonly caughtBy: string
  readonly create: (records: ActionCacheRecords | undefined) => ActionCacheABC
}

/** Makes the harness on which the suite meets a reference action cache, or a broken one made of it. */
export function referenceActionCacheHarness(
  create: BrokenActionCache['create'] = (records) => new ReferenceActionCache(records),
): ActionCacheHarness {
  return {
    create: () => create(undefined),
    reopen: (earlier) => create(earlier instanceof ReferenceActionCache ? earlier.records : undefined),
  }
}
