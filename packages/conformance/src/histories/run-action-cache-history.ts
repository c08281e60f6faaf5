import assert from 'node:assert/strict'
import type { ActionCacheABC, ActionCacheEntry, ActionKey } from '@caskade/core'
import { MAX_ENTRY_BYTES } from '@caskade/core'
import * as fc from 'fast-check'
import { assertSameEntry, makeEntry } from '../action-cache-cases/support.ts'
import type { ActionCacheHarness } from '../action-cache-harness.ts'
import { assertRejects, assertStopsInTime } from '../assertions.ts'
import type { HistoryOptions } from './check-histories.ts'
import { checkHistories, DEFAULT_MAX_STEPS } from './check-histories.ts'

/** One step, as it is generated, shrunk and shown. */
interface StepPlan {
  readonly step: string
  /** Which of the keys. */
  readonly key: number
  /** Which entry, for steps that store one. */
  readonly entry: number
}

/** Few, so that the steps of a history meet. */
const keys: readonly ActionKey[] = [
  { namespace: 'reapi:sha256:', key: 'a' },
  { namespace: 'reapi:sha256:main', key: 'a' },
  { namespace: 'reapi:sha256:main', key: 'b' },
]

/** An action cache, and what a map in its place would hold. */
interface World {
  actionCache: ActionCacheABC
  readonly stored: Map<ActionKey, ActionCacheEntry>
  readonly restart: () => Promise<void>
}

const steps: Readonly<Record<string, (world: World, key: ActionKey, entry: ActionCacheEntry) => Promise<void>>> = {
  async get({ actionCache, stored }, key) {
    assertFound(await actionCache.get(key), stored.get(key))
  },
  async update({ actionCache, stored }, key, entry) {
    assert.equal(await actionCache.update(key, entry), true, 'update: says that it stored nothing')
    stored.set(key, entry)
  },
  async 'update with ifAbsent'({ actionCache, stored }, key, entry) {
    const isStored = await actionCache.update(key, entry, { ifAbsent: true })
    assert.equal(isStored, !stored.has(key), 'update with ifAbsent')
    if (isStored) stored.set(key, entry)
  },
  async 'update with too much'({ actionCache }, key, entry) {
    const tooMuch = { ...entry, bytes: new Uint8Array(MAX_ENTRY_BYTES + 1) }
    await assertRejects(actionCache.update(key, tooMuch), 'too-large', 'update')
  },
  async delete({ actionCache, stored }, key) {
    await actionCache.delete(key)
    stored.delete(key)
  },
  async list({ actionCache, stored }, { namespace }) {
    const expected = [...stored].filter(([key]) => key.namespace.startsWith(namespace))
    const records = await Array.fromAsync(actionCache.list(namespace))
    assert.equal(records.length, expected.length, 'list: lists too many or too few')
    for (const [key, entry] of expected) {
      const listed = records.find((record) => record.key.namespace === key.namespace && record.key.key === key.key)
      assertFound(listed?.entry ?? null, entry)
    }
  },
  restart: (world) => world.restart(),
}

/**
 * Does random things to action caches, one after the other, and compares every answer with that of a map.
 *
 * Rejects with the shortest history that goes wrong.
 */
export async function runActionCacheHistory(harness: ActionCacheHarness, options: HistoryOptions = {}): Promise<void> {
  await checkHistories(histories(options), (history) => run(harness, history), {
    ...options,
    describe: (history) =>
      history.map(({ step, key, entry }, index) => {
        const name = keys[key]
        return `${index + 1}. ${step}: ${name?.namespace} ${name?.key}, entry ${entry}`
      }),
  })
}

function histories({ maxSteps = DEFAULT_MAX_STEPS }: HistoryOptions): fc.Arbitrary<StepPlan[]> {
  const plan = fc.record({
    step: fc.constantFrom(...Object.keys(steps)),
    key: fc.nat(keys.length - 1),
    entry: fc.nat(3),
  })
  return fc.array(plan, { minLength: 1, maxLength: maxSteps, size: 'max' })
}

async function run(harness: ActionCacheHarness, history: readonly StepPlan[]): Promise<void> {
  const original = await harness.create()
  const stored = new Map<ActionKey, ActionCacheEntry>()
  const world: World = { actionCache: original, stored, restart: () => restart(world, harness, original) }
  await original.start()
  try {
    for (const { step, key: index, entry } of history) {
      const key = keys[index]
      if (key !== undefined) await steps[step]?.(world, key, makeEntry(entry, entry * 100))
    }
    for (const key of keys) assertFound(await world.actionCache.get(key), stored.get(key))
    await assertStopsInTime(world.actionCache)
  } finally {
    await world.actionCache.stop()
    await harness.destroy?.(original)
  }
}

/** Stops the action cache and starts it again, as another one if the harness has it; then it must remember. */
async function restart(world: World, { reopen }: ActionCacheHarness, original: ActionCacheABC): Promise<void> {
  await assertStopsInTime(world.actionCache)
  if (reopen !== undefined) world.actionCache = await reopen(original)
  await world.actionCache.start()
  if (reopen !== undefined) return
  for (const key of world.stored.keys()) {
    if ((await world.actionCache.get(key)) === null) world.stored.delete(key)
  }
}

function assertFound(found: ActionCacheEntry | null, expected: ActionCacheEntry | undefined): void {
  assert.equal(found !== null, expected !== undefined, 'finds an entry that should not be there, or misses one')
  if (found !== null && expected !== undefined) assertSameEntry(found, expected)
}
