import type { StorageCase } from '../storage-harness.ts'
import { absenceCases } from './absence.ts'
import { atomicityCases } from './atomicity.ts'
import { badInputCases } from './bad-input.ts'
import { bulkCases } from './bulk.ts'
import { contentCases } from './content.ts'
import { damageCases } from './damage.ts'
import { digestFunctionCases } from './digest-functions.ts'
import { foreignErrorCases } from './foreign-errors.ts'
import { lifecycleCases } from './lifecycle.ts'
import { quotaCases } from './quota.ts'
import { rangeCases } from './ranges.ts'
import { roomCases } from './room.ts'

/** Every case for storages: the rules of the contract, one by one. */
export const storageCases: readonly StorageCase[] = [
  ...absenceCases,
  ...contentCases,
  ...atomicityCases,
  ...rangeCases,
  ...bulkCases,
  ...quotaCases,
  ...roomCases,
  ...damageCases,
  ...badInputCases,
  ...digestFunctionCases,
  ...foreignErrorCases,
  ...lifecycleCases,
]
