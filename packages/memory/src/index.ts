export { MemoryActionCache } from './memory-action-cache.ts'
export { memoryBackend, provider } from './memory-backend.ts'
export type { MemoryOptions } from './memory-options.ts'
export { MemoryStorage } from './memory-storage.ts'
