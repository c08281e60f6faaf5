import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SubjectKind } from '../subject.ts'
import type { StoreLimits } from './limits.ts'

const CLI = join(import.meta.dirname, '..', '..', '..', '..', 'server', 'dist', 'cli.js')

/** What the memory of a cache in front may take, in bytes. */
const CACHE_BYTES = 512 * 1024 ** 2

/** What is stored in memory alone may come to, in bytes. */
const MEMORY_BYTES = 4 * 1024 ** 3

export const caskadeFs: SubjectKind = caskade(
  'caskade fs',
  'A file for each blob. Acknowledges a write when it is synced to disk.',
  (path, limits) => ({ type: 'fs', path, ...limits }),
)

export const caskadeSqlite: SubjectKind = caskade(
  'caskade sqlite',
  'Rows up to 32 KiB, files above. Acknowledges a write when it is synced to disk, many together.',
  sqlite,
)

export const caskadeMemorySqlite: SubjectKind = caskade(
  'caskade memory + sqlite',
  'The default: 512 MiB of memory in front of sqlite, writes go to both.',
  (path, limits) => ({
    type: 'with-cache',
    cache: { type: 'memory', maxBytes: CACHE_BYTES },
    fallback: sqlite(path, limits),
    // As in the default.
    trustCache: true,
    leaseMs: limits.leaseMs,
  }),
)

/** Our own server, with each of its backends; once as several processes. */
export const caskadeSubjects: readonly SubjectKind[] = [
  caskadeFs,
  caskadeSqlite,
  caskade('caskade sqlite, 2 workers', 'The same, served by two processes.', sqlite, { workers: 2 }),
  caskadeMemorySqlite,
  caskade('caskade memory', 'Keeps nothing over a restart.', () => ({ type: 'memory', maxBytes: MEMORY_BYTES })),
]

function sqlite(path: string, limits: StoreLimits): object {
  return { type: 'sqlite', path, ...limits }
}

function caskade(
  name: string,
  conduct: string,
  backend: (path: string, limits: StoreLimits) => object,
  options: object = {},
): SubjectKind {
  return {
    name,
    isOurs: true,
    conduct: `${conduct} Verifies what is stored, and what is read, the same file once a minute.`,
    protocols: ['grpc', 'http'],
    install: async () => `this repository, Node.js ${process.versions.node}`,
    async command(folder, { grpc, http }, limits) {
      const file = join(folder, 'caskade.yaml')
      const config = {
        listen: `127.0.0.1:${grpc}`,
        httpListen: `127.0.0.1:${http}`,
        data: join(folder, 'data'),
        // 40 x 100 KiB are more than the default allows.
        maxBatchBytes: '4MiB',
        ...options,
        backend: backend(join(folder, 'store'), limits),
      }
      // JSON is YAML.
      await writeFile(file, JSON.stringify(config))
      return { program: process.execPath, args: [CLI, 'serve', '--config', file] }
    },
  }
}
