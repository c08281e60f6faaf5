import { join } from 'node:path'
import { checkKills } from '@caskade/conformance'
import { FakeGcs } from '@caskade/gcs/testing'
import { GCS_URL_VARIABLE } from './gcs-bucket.ts'
import { journalLeftovers } from './store-leftovers.ts'

/** A backend over a bucket whose processes are killed. */
interface GcsModule {
  readonly name: string
  readonly module: URL
  readonly isDeferring: boolean
  readonly hasLastingCache: boolean
}

/** Backends over a bucket whose processes are killed. */
export const gcsModules: readonly GcsModule[] = [
  {
    name: 'WithCache(Memory, Gcs, deferred)',
    module: new URL('deferring-gcs.module.ts', import.meta.url),
    isDeferring: true,
    hasLastingCache: false,
  },
  {
    name: 'WithCache(Sqlite, Gcs)',
    module: new URL('cached-gcs.module.ts', import.meta.url),
    isDeferring: false,
    hasLastingCache: true,
  },
]

/** Checks kills of one of them, with the service in this process. */
export async function checkGcsKills(
  { module, isDeferring, hasLastingCache }: GcsModule,
  check: { readonly directory: string; readonly seed: number; readonly rounds: number },
): Promise<void> {
  await using fake = await FakeGcs.start({ token: '' })
  process.env[GCS_URL_VARIABLE] = fake.url
  const leftovers = (path: string): string[] => (isDeferring ? journalLeftovers(join(path, 'journal')) : [])
  await checkKills({ ...check, module, hasLastingCache, leftovers })
}
