import { join } from 'node:path'
import type { BackendConfig } from '@caskade/core'

/** For how long what was used stays, in milliseconds: half an hour. */
const LEASE_MS = 30 * 60_000

/** The backend of a server that nobody configured: memory in front of SQLite in the data folder. */
export function defaultBackend(dataDirectory: string): BackendConfig {
  const mebibyte = 1024 * 1024
  return {
    type: 'with-cache',
    // Small blobs only: they gain most from memory, and a few large ones would drive them out.
    cache: { type: 'memory', maxBytes: 128 * mebibyte, maxBlobBytes: 2 * mebibyte },
    fallback: {
      type: 'sqlite',
      path: join(dataDirectory, 'store'),
      maxBytes: 10 * 1024 * mebibyte,
      // A build that was told that a blob is there relies on it until it ends.
      leaseMs: LEASE_MS,
    },
    leaseMs: LEASE_MS,
    maxCachedBlobBytes: 2 * mebibyte,
    // What is in the memory of this process is as good as what it would be compared with.
    trustCache: true,
  }
}
