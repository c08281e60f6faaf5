import { Keyv } from 'keyv'
import type { SubjectKind } from '../subject.ts'
import { KeyvSubject } from './keyv.ts'

export const keyvMemorySubject: SubjectKind = {
  name: 'keyv',
  packages: ['keyv'],
  conduct:
    'Keeps base64 in JSON in a Map that never evicts. Neither hashes nor streams: the benchmark hashes before it.',
  open: async () => new KeyvSubject(new Keyv<Uint8Array>()),
}
