import { describe, expect, test } from 'vitest'
import {
  actionCacheCases,
  brokenActionCaches,
  brokenStorages,
  canRun,
  canRunActionCache,
  referenceActionCacheHarness,
  referenceHarness,
  runActionCacheCase,
  runStorageCase,
  storageCases,
  testActionCache,
  testStorage,
} from './index.ts'

const runner = { describe, test }

testStorage(runner, 'ReferenceStorage', referenceHarness())
testActionCache(runner, 'ReferenceActionCache', referenceActionCacheHarness())

describe('broken storages', () => {
  test.each(brokenStorages)('one that $defect is caught by "$caughtBy"', async ({ caughtBy, create }) => {
    const storageCase = storageCases.find(({ name }) => name === caughtBy)
    expect(storageCase, 'no such case').toBeDefined()
    if (storageCase === undefined) return

    await expect(runStorageCase(storageCase, referenceHarness(create))).rejects.toBeInstanceOf(Error)
  })

  test('there is one for every case, so that every case has been seen to fail', () => {
    const caught = new Set(brokenStorages.map(({ caughtBy }) => caughtBy))

    expect(storageCases.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([])
  })
})

describe('broken storages that a history catches', () => {
  const rare = brokenStorages.filter(({ caughtBy }) => caughtBy.startsWith('history: whatever is done one after'))

  test.each(rare)('one that $defect is caught by no other case', async ({ create }) => {
    const harness = { ...referenceHarness(create), blobSizes: [1, 1000] }
    const others = storageCases.filter((each) => !each.name.startsWith('history:') && canRun(each, harness))

    for (const storageCase of others) await runStorageCase(storageCase, harness)

    expect(others.length).toBeGreaterThan(80)
  })
})

describe('broken action caches', () => {
  test.each(brokenActionCaches)('one that $defect is caught by "$caughtBy"', async ({ caughtBy, create }) => {
    const actionCacheCase = actionCacheCases.find(({ name }) => name === caughtBy)
    expect(actionCacheCase, 'no such case').toBeDefined()
    if (actionCacheCase === undefined) return

    const running = runActionCacheCase(actionCacheCase, referenceActionCacheHarness(create))

    await expect(running).rejects.toBeInstanceOf(Error)
  })

  test('there is one for every case, so that every case has been seen to fail', () => {
    const caught = new Set(brokenActionCaches.map(({ caughtBy }) => caughtBy))

    expect(actionCacheCases.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([])
  })
})

describe('the suite', () => {
  test('is offered by the reference harnesses what every case needs, but for an empty blob of its own', () => {
    const left = storageCases.filter((each) => !canRun(each, referenceHarness()))
    const leftOfActionCache = actionCacheCases.filter((each) => !canRunActionCache(each, referenceActionCacheHarness()))

    expect(left.map(({ needs }) => needs)).toEqual(['empty-blob'])
    expect(leftOfActionCache).toEqual([])
  })

  test.each([storageCases, actionCacheCases])('has no two cases of the same name', (...cases) => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
  })
})
