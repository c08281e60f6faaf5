import { join } from 'node:path'
import type { Backend } from '@caskade/core'
import { withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { backendAt, GCS_URL_VARIABLE } from './gcs-bucket.ts'

// Loaded by the processes that the durability tests kill; the service lives in the one that does so.
export const open = (directory: string): Backend =>
  withCache({
    cache: memoryBackend(),
    fallback: backendAt(process.env[GCS_URL_VARIABLE] ?? '', { retryBaseMs: 1 }),
    deferFallbackWrites: true,
    journalDirectory: join(directory, 'journal'),
  })
