import assert from 'node:assert/strict'
import type { Digest } from '@caskade/core'
import { describe, expect, test } from 'vitest'
import {
  brokenActionCaches,
  brokenStorages,
  referenceActionCacheHarness,
  referenceHarness,
  ReferenceStorage,
  runActionCacheHistory,
  runConcurrentHistory,
  runHistory,
} from '../index.ts'
import type { HistoryOptions } from '../index.ts'

const forgetful = referenceHarness(brokenNamed('loses on a restart what was written in the place of something deleted'))
const overtaken = referenceHarness(brokenNamed('keeps the answer of a lookup that a delete has overtaken'))
const stale = brokenActionCaches.find(({ defect }) => defect === 'lists an entry as it was when it was listed first')

const broken: Readonly<Record<string, (options: HistoryOptions) => Promise<void>>> = {
  runHistory: (options) => runHistory(forgetful, options),
  runConcurrentHistory: (options) => runConcurrentHistory(overtaken, options),
  runActionCacheHistory: (options) => runActionCacheHistory(referenceActionCacheHarness(stale?.create), options),
}

describe.each(Object.entries(broken))('%s', (_, run) => {
  test('shows a short history and how to replay it, and replaying it shows the same', async () => {
    const message = await failureOf(run({ seed: 1, runs: 100 }))
    const [, seed, path] = /replay it with { seed: (\d+), path: '([\d:]+)' }/.exec(message) ?? []
    assert.ok(seed !== undefined && path !== undefined, message)

    const again = await failureOf(run({ seed: Number(seed), path }))

    expect(stepsOf(again)).toEqual(stepsOf(message))
    expect(stepsOf(message).length).toBeLessThanOrEqual(6)
  })
})

test('the seed decides which histories are tried, and runs how many', async () => {
  const first: string[] = []
  const second: string[] = []
  const other: string[] = []

  await runHistory(recording(first), { seed: 1, runs: 3 })
  await runHistory(recording(second), { seed: 1, runs: 3 })
  await runHistory(recording(other), { seed: 2, runs: 3 })

  expect(first.filter((each) => each === 'create')).toHaveLength(3)
  expect(second).toEqual(first)
  expect(other).not.toEqual(first)
})

function brokenNamed(defect: string): (typeof brokenStorages)[number]['create'] {
  const found = brokenStorages.find((each) => each.defect === defect)
  assert.ok(found, `nothing is broken like that: ${defect}`)
  return found.create
}

/** A harness that notes what its storages store. */
function recording(log: string[]): ReturnType<typeof referenceHarness> {
  return referenceHarness((options) => {
    if (options.blobs === undefined) log.push('create')
    return new (class extends ReferenceStorage {
      protected override store(digest: Digest, bytes: Uint8Array): void {
        log.push(digest.hash)
        super.store(digest, bytes)
      }
    })(options)
  })
}

async function failureOf(running: Promise<void>): Promise<string> {
  const [outcome] = await Promise.allSettled([running])
  assert.ok(outcome.status === 'rejected', 'the history did not fail')
  return String(outcome.reason)
}

function stepsOf(message: string): string[] {
  return message.split('\n').filter((line) => /^ {2}(\d+\.|client \d+:) /.test(line))
}
