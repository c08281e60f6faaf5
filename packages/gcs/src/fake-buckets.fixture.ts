import type { ActionCacheABC, StorageABC } from '@caskade/core'
import type { GcsOptions } from './gcs-options.ts'
import type { FakePlan } from './testing/index.ts'
import { FakeGcs } from './testing/index.ts'

const fakes = new WeakMap<object, FakeGcs>()

/** Makes a half of a backend over a fake of its own. */
export async function overNewFake<Half extends StorageABC | ActionCacheABC>(
  make: (options: GcsOptions) => Half,
  { plan, ...options }: Omit<GcsOptions, 'bucket'> & { readonly plan?: FakePlan } = {},
): Promise<Half> {
  const fake = await FakeGcs.start()
  if (plan !== undefined) fake.plan = plan
  const half = make({ bucket: fake.bucket(), retryBaseMs: 1, ...options })
  fakes.set(half, fake)
  return half
}

/** The fake that a half was made over. */
export function fakeOf(half: object): FakeGcs {
  const fake = fakes.get(half)
  if (fake === undefined) throw new Error('it was not made over a fake')
  return fake
}

/** Ends the fake; fails if a connection was left open. */
export async function endFake(half: object): Promise<void> {
  const fake = fakeOf(half)
  await using _ = fake
  await closedConnections(fake)
}

/** Makes another half over the fake of an earlier one. */
export function overSameFake<Half extends StorageABC | ActionCacheABC>(
  earlier: object,
  make: (options: GcsOptions) => Half,
): Half {
  const fake = fakeOf(earlier)
  const half = make({ bucket: fake.bucket(), retryBaseMs: 1 })
  fakes.set(half, fake)
  return half
}

/** Resolves once the fake has no connection; fails with the test's timeout when that never happens. */
export async function closedConnections(fake: FakeGcs): Promise<void> {
  while (fake.openSockets > 0) await new Promise((resolve) => setImmediate(resolve))
}
