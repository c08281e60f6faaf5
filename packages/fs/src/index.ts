export { FsActionCache } from './fs-action-cache.ts'
export { fsBackend, type FsConfig, provider } from './fs-backend.ts'
export type { FsOptions } from './fs-options.ts'
export { FsStorage } from './fs-storage.ts'
