import { join } from 'node:path'
import type { Backend } from '@caskade/core'
import { fsBackend } from '@caskade/fs'
import { sqliteBackend } from '@caskade/sqlite'
import type { SubjectKind } from '../bench-server/subject.ts'
import { caskadeFs, caskadeMemorySqlite, caskadeSqlite } from '../bench-server/subjects/caskade.ts'
import type { StoreLimits } from '../bench-server/subjects/limits.ts'
import { referenceOverFs } from '../bench-server/subjects/reference.ts'
import { unsyncedFiles } from './unsynced-files.ts'

/** What was stored before the servers came counts as last used so long ago, in milliseconds: no lease is about it. */
const AGE_MS = 3_600_000

/** Room for more than is ever stored. */
export const ampleLimits: StoreLimits = { maxBytes: 256 * 1024 ** 3 }

/** How millions of blobs come to be there, for all servers that can be given the same folder. */
export interface ScaleStore {
  readonly name: 'sqlite' | 'fs'
  /** The backend that fills it, in `store` in a folder. */
  open(folder: string): Backend
}

/** A server that is measured over a large store. */
export interface ScaleSubject {
  /** What the command line calls it. */
  readonly backend: string
  readonly kind: SubjectKind
  readonly store: ScaleStore
}

const sqlite: ScaleStore = { name: 'sqlite', open: (folder) => sqliteBackend(fillOptions(folder)) }
const fs: ScaleStore = { name: 'fs', open: (folder) => fsBackend(fillOptions(folder)) }

/** All of them; those that share a store one after the other. */
export const scaleSubjects: readonly ScaleSubject[] = [
  { backend: 'sqlite', kind: caskadeSqlite, store: sqlite },
  { backend: 'memory+sqlite', kind: caskadeMemorySqlite, store: sqlite },
  { backend: 'fs', kind: caskadeFs, store: fs },
  { backend: 'reference', kind: referenceOverFs, store: fs },
]

function fillOptions(folder: string): Parameters<typeof fsBackend>[0] & Parameters<typeof sqliteBackend>[0] {
  return {
    path: join(folder, 'store'),
    ...ampleLimits,
    files: unsyncedFiles(),
    now: () => Date.now() - AGE_MS,
  }
}
