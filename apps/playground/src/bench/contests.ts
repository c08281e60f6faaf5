import { cacacheSubject } from './subjects/cacache.ts'
import { fsSubject } from './subjects/fs.ts'
import { gcsSubject } from './subjects/gcs.ts'
import { googleCloudStorageSubject } from './subjects/google-cloud-storage.ts'
import { keyvMemorySubject } from './subjects/keyv-memory.ts'
import { keyvSqliteSubject, keyvUnsyncedSqliteSubject } from './subjects/keyv-sqlite.ts'
import { lruCacheSubject } from './subjects/lru-cache.ts'
import { memorySubject } from './subjects/memory.ts'
import { sqliteSubject } from './subjects/sqlite.ts'
import { unstorageSubject } from './subjects/unstorage.ts'
import type { Contest } from './subject.ts'

/** What is measured against what. A new backend is a file in `subjects` and an entry here. */
export const contests: readonly Contest[] = [
  { backend: 'memory', ours: memorySubject, peers: [lruCacheSubject, keyvMemorySubject], concurrencies: [1] },
  {
    backend: 'sqlite',
    ours: sqliteSubject,
    peers: [keyvSqliteSubject, keyvUnsyncedSqliteSubject],
    concurrencies: [1, 32],
  },
  { backend: 'fs', ours: fsSubject, peers: [cacacheSubject, unstorageSubject], concurrencies: [1, 32] },
  { backend: 'gcs', ours: gcsSubject, peers: [googleCloudStorageSubject], concurrencies: [1, 32] },
]
