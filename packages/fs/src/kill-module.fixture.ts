import type { Backend } from '@caskade/core'
import { fsBackend } from './index.ts'

export const open = (path: string): Backend => fsBackend({ path, accessGranularityMs: 0 })
