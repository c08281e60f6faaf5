import { join } from 'node:path'
import type { Backend } from '@caskade/core'
import { withCache } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { sqliteBackend } from '@caskade/sqlite'

// Loaded by the processes that the durability tests kill.
export const open = (directory: string): Backend =>
  withCache({
    cache: memoryBackend(),
    fallback: sqliteBackend({ path: join(directory, 'store') }),
    deferFallbackWrites: true,
    journalDirectory: join(directory, 'journal'),
  })
