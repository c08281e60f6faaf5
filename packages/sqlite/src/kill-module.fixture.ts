import type { Backend } from '@caskade/core'
import { sqliteBackend } from './index.ts'

export const open = (path: string): Backend => sqliteBackend({ path, accessGranularityMs: 0 })
