import { describe, expect, test } from 'vitest'
import {
  brokenStorages,
  canRun,
  ReferenceActionCache,
  referenceHarness,
  runStorageCase,
  storageCases,
  testActionCache,
  testStorage,
} from './index.ts'

const runner = { describe, test }

testStorage(runner, 'ReferenceStorage', referenceHarness())
testActionCache(runner, 'ReferenceActionCache', { create: () => new ReferenceActionCache() })

describe('broken storages', () => {
  test.each(brokenStorages)('one that $defect is caught by "$caughtBy"', async ({ caughtBy, create }) => {
    const harness = referenceHarness(create)
    const storageCase = storageCases.find(({ name }) => name === caughtBy)
    expect(storageCase, 'no such case').toBeDefined()
    if (storageCase === undefined) return

    await expect(runStorageCase(storageCase, harness)).rejects.toBeInstanceOf(Error)
  })

  test('there is one for every case, so that every case has been seen to fail', () => {
    const caught = new Set(brokenStorages.map(({ caughtBy }) => caughtBy))

    expect(storageCases.map(({ name }) => name).filter((name) => !caught.has(name))).toEqual([])
  })

  test('the reference harness offers what every case needs, but for an empty blob of its own', () => {
    const left = storageCases.filter((each) => !canRun(each, referenceHarness()))

    expect(left.map(({ needs }) => needs)).toEqual(['empty-blob'])
  })

  test('no two cases have the same name', () => {
    expect(new Set(storageCases.map(({ name }) => name)).size).toBe(storageCases.length)
  })
})
