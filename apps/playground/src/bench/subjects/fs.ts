import { FsStorage } from '@caskade/fs'
import type { SubjectKind } from '../subject.ts'
import { openStorage } from './caskade.ts'

export const fsSubject: SubjectKind = {
  name: '@caskade/fs',
  packages: [],
  conduct:
    'Content-addressed files. Acknowledges a write when it is synced to disk, file and folder. Verifies what it reads. Counts bytes, evicts the least recently used.',
  open: (folder) => openStorage(new FsStorage({ path: folder, maxBytes: 16 * 1024 ** 3 })),
}
