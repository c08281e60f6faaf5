import { SqliteStorage } from '@caskade/sqlite'
import type { SubjectKind } from '../subject.ts'
import { openStorage } from './caskade.ts'

export const sqliteSubject: SubjectKind = {
  name: '@caskade/sqlite',
  packages: [],
  conduct:
    'Acknowledges a write when it is synced to disk, file and folder and log. Verifies what it reads. Counts bytes, evicts the least recently used, never blocks the event loop on a disk sync.',
  open: (folder) => openStorage(new SqliteStorage({ path: folder, maxBytes: 16 * 1024 ** 3 })),
}
