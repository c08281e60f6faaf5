import type { Backend } from '@caskade/core'
import { fsBackend } from '@caskade/fs'

// Loaded by the processes that the durability tests kill.
export const open = (directory: string): Backend => fsBackend({ path: directory })
