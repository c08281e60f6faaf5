import { MemoryStorage } from '@caskade/memory'
import type { SubjectKind } from '../subject.ts'
import { openStorage } from './caskade.ts'

export const memorySubject: SubjectKind = {
  name: '@caskade/memory',
  packages: [],
  conduct: 'Copies what it stores and returns it without a copy. Counts bytes, evicts the least recently used.',
  open: () => openStorage(new MemoryStorage({ maxBytes: 4 * 1024 ** 3 })),
}
