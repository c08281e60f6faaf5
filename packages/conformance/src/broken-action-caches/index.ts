import type { BrokenActionCache } from './broken-action-cache.ts'
import { brokenEntries } from './broken-entries.ts'
import { brokenUse } from './broken-use.ts'

/** One broken action cache or more for every case of the suite: the proof that each case can fail. */
export const brokenActionCaches: readonly BrokenActionCache[] = [...brokenEntries, ...brokenUse]
