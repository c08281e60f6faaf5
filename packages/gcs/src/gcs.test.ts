import { testActionCache, testStorage } from '@caskade/conformance'
import type { Damage } from '@caskade/conformance'
import type { Digest, StorageABC } from '@caskade/core'
import { describe, test } from 'vitest'
import { endFake, fakeOf, overNewFake, overSameFake } from './fake-buckets.fixture.ts'
import type { GcsOptions } from './index.ts'
import { GcsActionCache, GcsStorage } from './index.ts'
import { ObjectNames } from './objects/object-names.ts'

const runner = { describe, test }
const newStorage = (options: GcsOptions): GcsStorage => new GcsStorage(options)
const newActionCache = (options: GcsOptions): GcsActionCache => new GcsActionCache(options)

testStorage(runner, 'GcsStorage', {
  create: () => overNewFake(newStorage),
  destroy: endFake,
  reopen: (earlier) => overSameFake(earlier, newStorage),
  isRemote: true,
  damage,
})

testStorage(runner, 'GcsStorage, in many chunks, without what it remembers', {
  create: () => overNewFake(newStorage, { existenceCacheMs: 0, maxSingleUploadBytes: 999, uploadChunkBytes: 262_144 }),
  destroy: endFake,
  isRemote: true,
  damage,
  blobSizes: [1000, 70_000, 600_000],
})

testActionCache(runner, 'GcsActionCache', {
  create: () => overNewFake(newActionCache),
  destroy: endFake,
  reopen: (earlier) => overSameFake(earlier, newActionCache),
})

function damage(storage: StorageABC, digest: Digest, how: Damage): void {
  const { objects } = fakeOf(storage)
  const name = new ObjectNames('').blob(digest)
  if (how === 'remove') objects.delete(name)
  else if (how === 'truncate') objects.damage(name, (content) => content.subarray(0, content.byteLength - 1))
  else {
    objects.damage(name, (content) => {
      content[content.byteLength >> 1] = (content[content.byteLength >> 1] ?? 0) ^ 1
      return content
    })
  }
}
