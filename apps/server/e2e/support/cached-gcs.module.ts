import { join } from 'node:path'
import type { Backend } from '@caskade/core'
import { withCache } from '@caskade/core'
import { sqliteBackend } from '@caskade/sqlite'
import { backendAt, GCS_URL_VARIABLE } from './gcs-bucket.ts'

// Loaded by the processes that the durability tests kill; the service lives in the one that does so.
export const open = (directory: string): Backend =>
  withCache({
    cache: sqliteBackend({ path: join(directory, 'cache') }),
    fallback: backendAt(process.env[GCS_URL_VARIABLE] ?? '', { retryBaseMs: 1 }),
  })
