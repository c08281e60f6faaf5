import { brokenAborts } from './broken-aborts.ts'
import { brokenAnswers } from './broken-answers.ts'
import { brokenBulk } from './broken-bulk.ts'
import { brokenCare } from './broken-care.ts'
import { brokenChecks } from './broken-checks.ts'
import { brokenClock } from './broken-clock.ts'
import { brokenConcurrency } from './broken-concurrency.ts'
import { brokenDigestFunctions } from './broken-digest-functions.ts'
import { brokenForeignErrors } from './broken-foreign-errors.ts'
import { brokenHistories } from './broken-histories.ts'
import { brokenLeases } from './broken-leases.ts'
import { brokenLifecycle } from './broken-lifecycle.ts'
import { brokenQuota } from './broken-quota.ts'
import { brokenRoom } from './broken-room.ts'
import { brokenSources } from './broken-sources.ts'
import type { BrokenStorage } from './broken-storage.ts'
import { brokenWrites } from './broken-writes.ts'

/** One broken storage or more for every case of the suite: the proof that each case can fail. */
export const brokenStorages: readonly BrokenStorage[] = [
  ...brokenAnswers,
  ...brokenWrites,
  ...brokenSources,
  ...brokenConcurrency,
  ...brokenBulk,
  ...brokenQuota,
  ...brokenClock,
  ...brokenLeases,
  ...brokenChecks,
  ...brokenCare,
  ...brokenAborts,
  ...brokenRoom,
  ...brokenDigestFunctions,
  ...brokenForeignErrors,
  ...brokenLifecycle,
  ...brokenHistories,
]
