import type { StorageCase } from '../storage-harness.ts'
import { abortCases } from './aborts.ts'
import { absenceCases } from './absence.ts'
import { atomicityCases } from './atomicity.ts'
import { badInputCases } from './bad-input.ts'
import { bulkCases } from './bulk.ts'
import { checkCases } from './checks.ts'
import { clockCases } from './clock.ts'
import { concurrencyCases } from './concurrency.ts'
import { contentCases } from './content.ts'
import { damageCases } from './damage.ts'
import { digestFunctionCases } from './digest-functions.ts'
import { foreignErrorCases } from './foreign-errors.ts'
import { historyCases } from './histories.ts'
import { leaseCases } from './leases.ts'
import { lifecycleCases } from './lifecycle.ts'
import { quotaCases } from './quota.ts'
import { rangeCases } from './ranges.ts'
import { readerCases } from './readers.ts'
import { roomCases } from './room.ts'
import { sourceCases } from './sources.ts'

/** Every case for storages: the rules of the contract, one by one. */
export const storageCases: readonly StorageCase[] = [
  ...absenceCases,
  ...contentCases,
  ...sourceCases,
  ...atomicityCases,
  ...rangeCases,
  ...readerCases,
  ...concurrencyCases,
  ...bulkCases,
  ...quotaCases,
  ...clockCases,
  ...leaseCases,
  ...checkCases,
  ...damageCases,
  ...badInputCases,
  ...abortCases,
  ...roomCases,
  ...digestFunctionCases,
  ...foreignErrorCases,
  ...lifecycleCases,
  ...historyCases,
]
