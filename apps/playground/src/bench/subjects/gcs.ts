import { GcsStorage } from '@caskade/gcs'
import type { SubjectKind } from '../subject.ts'
import { openStorage } from './caskade.ts'
import { startGcsFake } from './gcs-fake.ts'

export const gcsSubject: SubjectKind = {
  name: '@caskade/gcs',
  packages: [],
  conduct:
    'One request for a write, by which what is there stays. Checksums what it sends, verifies what it reads by its hash, repeats what failed. Remembers nothing here of what it has found, so that each `has` is a request.',
  async open() {
    const fake = await startGcsFake()
    const authClient = { getRequestHeaders: () => Promise.reject(new Error('there are no credentials')) }
    const bucket = { name: 'bucket', storage: { apiEndpoint: fake.url, customEndpoint: true, authClient } }
    return openStorage(new GcsStorage({ bucket, existenceCacheMs: 0 }), () => fake.stop())
  },
}
