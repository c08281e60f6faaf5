import { join } from 'node:path'
import type { WithCacheBackend } from '@caskade/core'
import { withCache } from '@caskade/core'
import { fileBackend } from '../durability/file-backend.fixture.ts'
import { ReferenceActionCache, ReferenceStorage } from '../index.ts'

// Loaded by the processes that a durability test kills.
export const open = (directory: string): WithCacheBackend =>
  withCache({
    cache: { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() },
    fallback: fileBackend(directory),
    deferFallbackWrites: true,
    journalDirectory: join(directory, 'journal'),
  })
