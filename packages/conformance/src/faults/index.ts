export type { FaultPlan, FaultyActionCacheMethod, FaultyCall, FaultyMethod, FaultyStorageMethod } from './fault-plan.ts'
export {
  type CallFilter,
  failing,
  failingAfterwards,
  failingReaders,
  failingToStart,
  flippingBits,
  on,
  together,
  truncating,
  unavailable,
} from './fault-plans.ts'
export { FaultyActionCache } from './faulty-action-cache.ts'
export { FaultyStorage } from './faulty-storage.ts'
export { hanging, hangingAfterwards, hangingReaders, type HangingPlan } from './hanging.ts'
