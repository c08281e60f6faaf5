export type { ActionCacheCase, ActionCacheCaseContext, ActionCacheHarness } from './action-cache-harness.ts'
export { canRunActionCache, runActionCacheCase } from './action-cache-harness.ts'
export { actionCacheCases } from './action-cache-cases/index.ts'
export {
  type ActionCacheRecords,
  type BrokenActionCache,
  referenceActionCacheHarness,
} from './broken-action-caches/broken-action-cache.ts'
export { brokenActionCaches } from './broken-action-caches/index.ts'
export { type BrokenStorage, type BrokenStorageOptions, referenceHarness } from './broken/broken-storage.ts'
export { brokenStorages } from './broken/index.ts'
export * from './faults/index.ts'
export type { HistoryOptions } from './histories/check-histories.ts'
export { runActionCacheHistory } from './histories/run-action-cache-history.ts'
export { runConcurrentHistory } from './histories/run-concurrent-history.ts'
export { runHistory } from './histories/run-history.ts'
export { ReferenceActionCache } from './reference/reference-action-cache.ts'
export { type ReferenceBlob, ReferenceStorage, type ReferenceStorageOptions } from './reference/reference-storage.ts'
export { type Runner, testActionCache, testStorage } from './runner.ts'
export {
  canRun,
  type CreateStorageOptions,
  type Damage,
  QUOTA_BYTES,
  runStorageCase,
  type StorageCapability,
  type StorageCase,
  type StorageCaseContext,
  type StorageHarness,
  type TestClock,
} from './storage-harness.ts'
export { storageCases } from './storage-cases/index.ts'
export { makeBlob, makeBlobs, sourceOf, type TestBlob } from './test-blob.ts'
export { checkFullDisk, type FullDiskCheck } from './durability/check-full-disk.ts'
export { checkKills, type KillCheck, type KillModule } from './durability/check-kills.ts'
export { checkPowerLoss, type PowerLossCheck } from './durability/check-power-loss.ts'
export type { Openable } from './durability/opened.ts'
export { type SmallDiskOptions, withSmallDisk } from './durability/small-disk.ts'
export { type Random, seededRandom } from './files/seeded-random.ts'
export { FaultyFiles } from './files/faulty-files.ts'
export type { FileErrno, FileFault, FileOperation } from './files/file-fault.ts'
export { PowerLossFiles, type PowerLossOptions } from './files/power-loss-files.ts'
export type { SyncedByOthers } from './files/power-loss-recovery.ts'
