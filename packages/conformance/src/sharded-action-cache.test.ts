import type { ActionCacheEntry, ActionKey, StorageEvent, UpdateOptions } from '@caskade/core'
import { onStorageEvent, ShardedActionCache, StorageError } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Gate } from './gate.fixture.ts'
import { ReferenceActionCache } from './index.ts'

const unavailable = new StorageError('unavailable', 'try again later')
const key = { namespace: 'nx:main', key: 'k' }
const entry = (text: string): ActionCacheEntry => ({ bytes: Buffer.from(text), references: [], metadata: { text } })

/** Everything moves from `old` to `new`. */
let fresh: ObservedActionCache
let old: ObservedActionCache
let actionCache: ShardedActionCache
let events: StorageEvent[]
let endListening: () => void

beforeEach(async () => {
  events = []
  endListening = onStorageEvent((event) => events.push(event))
  fresh = new ObservedActionCache()
  old = new ObservedActionCache()
  const shards = { old, new: fresh }
  actionCache = new ShardedActionCache({ shards, weights: { old: 0 }, previousWeights: { old: 1 } })
  await actionCache.start()
  await old.update(key, entry('old'))
})

afterEach(async () => {
  await actionCache.stop()
  endListening()
})

describe('ShardedActionCache', () => {
  test('spreads the entries of one namespace over the shards, and lists each once', async () => {
    const spread = new ShardedActionCache({ shards: { a: fresh, b: old, c: fresh } })
    await spread.start()
    await old.delete(key)
    for (let index = 0; index < 60; index++) await spread.update({ ...key, key: `${index}` }, entry(`${index}`))

    const listed = (await Array.fromAsync(spread.list(''))).map((record) => Number(record.key.key))

    expect(listed.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 60 }, (_, index) => index))
    expect(await textsOf(fresh)).not.toEqual([])
    expect(await textsOf(old)).not.toEqual([])
    await spread.stop()
  })

  test('answers from the earlier shard, and has the entry copied', async () => {
    expect((await actionCache.get(key))?.metadata).toEqual({ text: 'old' })

    await actionCache.stop()
    await actionCache.start()
    expect(await textsOf(fresh)).toEqual(['old'])
    expect(await textsOf(actionCache)).toEqual(['old'])
    expect(events).toEqual([])
  })

  test('a copy never replaces a newer entry', async () => {
    const gate = new Gate()
    fresh.onCopy = gate.wait
    await actionCache.get(key)
    await actionCache.update(key, entry('newer'))

    gate.open()
    await actionCache.stop()
    await actionCache.start()

    expect((await actionCache.get(key))?.metadata).toEqual({ text: 'newer' })
    expect(await textsOf(actionCache)).toEqual(['newer'])
  })

  test('update with ifAbsent finds an entry at the earlier shard', async () => {
    expect(await actionCache.update(key, entry('newer'), { ifAbsent: true })).toBe(false)
    expect(await actionCache.update({ ...key, key: 'other' }, entry('other'), { ifAbsent: true })).toBe(true)

    expect((await actionCache.get(key))?.metadata).toEqual({ text: 'old' })
  })

  test('delete removes the entry from both shards, and a copy that is being made', async () => {
    const gate = new Gate()
    fresh.onCopy = gate.wait
    await actionCache.get(key)
    await gate.reached

    const deleting = actionCache.delete(key)
    gate.open()
    await deleting
    await actionCache.stop()
    await actionCache.start()

    expect(await textsOf(fresh)).toEqual([])
    expect(await textsOf(old)).toEqual([])
  })

  test('a shard that fails is never taken for one that has nothing', async () => {
    const absent = { ...key, key: 'absent' }
    for (const [failing, other] of [[fresh, old] as const, [old, fresh] as const]) {
      await other.update(absent, entry('left'))
      failing.failure = unavailable
      await expect(actionCache.delete(absent)).rejects.toBe(unavailable)
      await expect(actionCache.get(absent)).rejects.toBe(unavailable)
      await expect(actionCache.update(absent, entry('x'), { ifAbsent: true })).rejects.toBe(unavailable)
      await expect(Array.fromAsync(actionCache.list(''))).rejects.toBe(unavailable)
      failing.failure = undefined
      expect(await other.get(absent)).toBe(null)
    }
    fresh.failure = unavailable
    await expect(actionCache.get(key)).rejects.toBe(unavailable)
    fresh.failure = undefined
  })

  test('a copy that cannot be stored costs an event, and no read', async () => {
    fresh.onCopy = () => Promise.reject(unavailable)

    expect((await actionCache.get(key))?.metadata).toEqual({ text: 'old' })
    await actionCache.stop()

    expect(events).toEqual([
      { kind: 'copy-failure', storageType: 'Sharded', operation: 'copy', digest: undefined, error: unavailable },
    ])
    await actionCache.start()
  })
})

async function textsOf(cache: ReferenceActionCache | ShardedActionCache): Promise<unknown[]> {
  return (await Array.fromAsync(cache.list(''))).map((record) => record.entry.metadata['text'])
}

/** An action cache that fails on request, and waits before it stores what is only stored if it is absent. */
class ObservedActionCache extends ReferenceActionCache {
  failure: Error | undefined
  onCopy: () => Promise<void> = async () => undefined

  protected override assertRunning(signal: AbortSignal | undefined): void {
    super.assertRunning(signal)
    if (this.failure !== undefined) throw this.failure
  }

  override async update(to: ActionKey, value: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
    if (options.ifAbsent === true) await this.onCopy()
    return super.update(to, value, options)
  }
}
