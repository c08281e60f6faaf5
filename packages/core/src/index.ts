export {
  ActionCacheABC,
  type ActionCacheEntry,
  type ActionCacheRecord,
  type ActionKey,
  actionKeyString,
  assertEntry,
  MAX_ENTRY_BYTES,
  MAX_KEY_LENGTH,
  type UpdateOptions,
} from './action-cache-abc.ts'
export type { Backend } from './backend.ts'
export { type BlobReader, readerFromBytes, readerFromChunks, type ReaderOptions } from './blob-reader.ts'
export {
  assertStorable,
  type BlobSource,
  collectSource,
  readSource,
  sourceFromBytes,
  type SourceOptions,
} from './blob-source.ts'
export { BufferParts } from './buffer-parts.ts'
export { BufferPool, type BufferPoolOptions } from './buffer-pool.ts'
export { type ByteRange, coversBlob, resolveRange } from './byte-range.ts'
export {
  assertDigest,
  assertHash,
  createDigest,
  type Digest,
  type DigestFunction,
  digestFunctions,
  digestKey,
  digestsEqual,
  exactDigestKey,
  formatDigest,
} from './digest.ts'
export { EmptyBlobStorage } from './empty-blob-storage.ts'
export {
  type EntryValue,
  findEntryValue,
  type FoundEntryValue,
  getEntryBytes,
  type OpenEntryValue,
  openEntryValue,
  putEntryBytes,
  putEntryValue,
} from './entry-value.ts'
export { DeferredWrites, type DeferredWritesOptions, type DeferredWritesStatus } from './deferred/deferred-writes.ts'
export { assertComputable, createHasher, digestOf, emptyDigest, type Hasher } from './hashing.ts'
export { type Claimant, FairBudget, type FairBudgetOptions } from './fair-budget.ts'
export { KeyedLock } from './with-cache/keyed-lock.ts'
export { abortable } from './abortable.ts'
export { type BackoffOptions, backoffMs } from './deferred/backoff.ts'
export { inSlices, type SliceOptions } from './in-slices.ts'
export { Lifecycle, startAll, stopAll } from './lifecycle.ts'
export { mapLimit } from './map-limit.ts'
export { MemoryBudget } from './memory-budget.ts'
export type { ChunkBuffers, OperationOptions, ReadOptions, WholeReadOptions } from './operation-options.ts'
export {
  type BackendConfig,
  MAX_TIMER_MS,
  type OptionSchema,
  type OptionsSchema,
  type Provider,
  type ProviderContext,
} from './provider.ts'
export {
  isWithinLease,
  leaseRefusal,
  type Quota,
  type QuotaDefaults,
  type QuotaOptions,
  quotaSchema,
  recordedLeaseUs,
  resolveQuota,
} from './quota.ts'
export { type BlobCondition, checkContent, type CheckOptions, type ContentCheck } from './scrub/check-content.ts'
export { Scrubber, type ScrubberOptions, type ScrubReport } from './scrub/scrubber.ts'
export { sharded, type ShardedConfig, type ShardedOptions, shardedProvider } from './sharded/sharded.ts'
export { ShardedActionCache, type ShardedActionCacheOptions } from './sharded/sharded-action-cache.ts'
export { ShardedStorage, type ShardedStorageOptions } from './sharded/sharded-storage.ts'
export type { ShardWeights } from './sharded/shard-router.ts'
export {
  sizePartitioned,
  type SizePartitionedConfig,
  type SizePartitionedOptions,
  sizePartitionedProvider,
} from './size-partitioned/size-partitioned.ts'
export {
  SizePartitionedStorage,
  type SizePartitionedStorageOptions,
  type SizePartitionedTuning,
} from './size-partitioned/size-partitioned-storage.ts'
export { SpoolBudget } from './spool-budget.ts'
export { okStatus, type Status, statusOfError, statusOfItemError } from './status.ts'
export { type BlobInfo, type FoundBlob, StorageABC, verifyBytes } from './storage-abc.ts'
export { isErrnoException, StorageError, type StorageErrorCode, type StorageErrorOptions } from './storage-error.ts'
export { onStorageEvent, reportEvent, type StorageEvent } from './storage-events.ts'
export { corruptError, verifiedReader } from './verified-reader.ts'
export { WithCacheActionCache, type WithCacheActionCacheOptions } from './with-cache/with-cache-action-cache.ts'
export type { WithCacheTuning } from './with-cache/with-cache-options.ts'
export { WithCacheStorage, type WithCacheStorageOptions } from './with-cache/with-cache-storage.ts'
export {
  withCache,
  type WithCacheBackend,
  type WithCacheConfig,
  type WithCacheOptions,
  withCacheProvider,
} from './with-cache/with-cache.ts'
export { WriteSession, type WriteSessionOptions } from './write-session.ts'
export { type WriteTurn, WriteTurns } from './write-turns.ts'
