import type { Backend } from '@caskade/core'
import { sqliteBackend } from '@caskade/sqlite'

// Loaded by the processes that the durability tests kill.
export const open = (directory: string): Backend => sqliteBackend({ path: directory })
