import { describe, expect, test } from 'vitest'
import { assertAbsent, assertStored } from '../assertions.ts'
import { failing, flippingBits, hanging, makeBlob, on, together } from '../index.ts'
import { GuardedTests } from './guard.fixture.ts'

const guarded = new GuardedTests()

describe('a check of a fallback that is damaged', () => {
  test.each([100, 1_000_000])('heals a blob of %i bytes from the cache', async (size) => {
    const blob = await guarded.inBoth(makeBlob(1, size))
    guarded.damageFallback(blob)

    expect(await guarded.storage.checkBlob(blob.digest)).toBe('healed')

    expect(await guarded.storage.checkBlob(blob.digest)).toBe('whole')
    await assertStored(guarded.fallback.inner, blob)
  })

  test.each([
    ['has no copy', {}],
    ['has a damaged copy', on('getBlob', flippingBits(50))],
    ['fails', on('getBlob', failing())],
  ])('drops the blob when the cache %s', async (name, plan) => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    if (name === 'has no copy') await guarded.cache.inner.deleteBlob(blob.digest)
    guarded.cache.plan = plan
    guarded.damageFallback(blob)

    expect(await guarded.storage.checkBlob(blob.digest)).toBe('damaged')

    await assertAbsent(guarded.fallback.inner, blob.digest)
  })

  test('drops the blob when the fallback does not take it again, and says so', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    guarded.damageFallback(blob)
    guarded.fallback.plan = on('commitWrite', failing())

    expect(await guarded.storage.checkBlob(blob.digest)).toBe('damaged')

    expect(guarded.kinds).toContain('scrub-failure')
  })

  test('does not bring back what is deleted meanwhile', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    guarded.damageFallback(blob)
    const stuck = hanging()
    guarded.fallback.plan = together(on('commitWrite', stuck))

    const checking = guarded.storage.checkBlob(blob.digest)
    await stuck.reached
    const deleting = guarded.storage.deleteBlob(blob.digest)
    stuck.release()
    await Promise.all([checking, deleting])

    await assertAbsent(guarded.storage, blob.digest)
    await assertAbsent(guarded.cache.inner, blob.digest)
  })

  test('leaves alone what it has not', async () => {
    const blob = await guarded.inBoth(makeBlob(1, 100))
    await guarded.fallback.inner.deleteBlob(blob.digest)

    expect(await guarded.storage.checkBlob(blob.digest)).toBe('absent')
  })
})
