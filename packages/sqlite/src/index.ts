export { SqliteActionCache } from './sqlite-action-cache.ts'
export { provider, sqliteBackend, type SqliteConfig } from './sqlite-backend.ts'
export type { SqliteOptions } from './sqlite-options.ts'
export { SqliteStorage } from './sqlite-storage.ts'
