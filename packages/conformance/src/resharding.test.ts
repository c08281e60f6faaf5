import type { StorageEvent } from '@caskade/core'
import { onStorageEvent, ShardedStorage, StorageError } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { assertSameBytes, readChunks } from './assertions.ts'
import { Gate } from './gate.fixture.ts'
import { makeBlob, makeBlobs, sourceOf } from './index.ts'
import { ObservedStorage } from './observed-storage.fixture.ts'

const unavailable = new StorageError('unavailable', 'try again later')
const blob = makeBlob(1, 5000)

/** Everything moves from `old` to `new`. */
let fresh: ObservedStorage
let old: ObservedStorage
let storage: ShardedStorage
let events: StorageEvent[]
let endListening: () => void

beforeEach(async () => {
  events = []
  endListening = onStorageEvent((event) => events.push(event))
  fresh = new ObservedStorage()
  old = new ObservedStorage()
  const shards = { old, new: fresh }
  storage = new ShardedStorage({ shards, weights: { old: 0 }, previousWeights: { old: 1 } })
  await storage.start()
  await old.commitWrite(blob.digest, sourceOf(blob))
})

afterEach(async () => {
  await storage.stop()
  endListening()
})

/** Resolves to what could not be deleted. */
const removals: Readonly<Record<string, () => Promise<string[]>>> = {
  deleteBlob: async () => {
    await storage.deleteBlob(blob.digest)
    return []
  },
  bulkDelete: () => storage.bulkDelete([blob.digest]),
}

describe('ShardedStorage with previousWeights', () => {
  test.each<[string, () => Promise<unknown>, unknown]>([
    ['hasBlob', () => storage.hasBlob(blob.digest), true],
    ['getBlob', async () => (await readChunks(await storage.getBlob(blob.digest))).byteLength, 5000],
    [
      'getBlob of a range',
      async () => (await readChunks(await storage.getBlob(blob.digest, { offset: 4990 }))).byteLength,
      10,
    ],
    ['missingBlobs', () => storage.missingBlobs([blob.digest]), []],
    ['bulkReadBlobs', async () => [...(await storage.bulkReadBlobs([blob.digest])).keys()], [blob.digest.hash]],
  ])('%s finds what is at the earlier shard, and has it copied to its own', async (_, use, answer) => {
    const found = await use()

    expect(found).toEqual(answer)
    await fresh.stored(blob.digest)
    assertSameBytes(await readChunks(await fresh.getBlob(blob.digest)), blob.bytes, 'the copy')
    expect(old.holds(blob.digest)).toBe(true)
    expect(await Array.fromAsync(storage.listBlobs())).toEqual([{ digest: blob.digest }])
    expect(events).toEqual([])
  })

  test('resolveHash and listBlobs find what is at the earlier shard, and copy nothing', async () => {
    expect(await storage.resolveHash(blob.digest.hash)).toEqual(blob.digest)
    expect(await Array.fromAsync(storage.listBlobs())).toEqual([{ digest: blob.digest }])

    await storage.stop()
    expect(fresh.blobs.size).toBe(0)
    await storage.start()
  })

  test('writes reach the owner alone', async () => {
    const [first, second] = [makeBlob(2, 10), makeBlob(3, 10)]

    await storage.commitWrite(first.digest, sourceOf(first))
    await storage.bulkUpdateBlobs([[second.digest, second.bytes]])

    expect([fresh.blobs.size, old.blobs.size]).toEqual([2, 1])
  })

  test('bulk calls ask the earlier shard for the rest alone', async () => {
    const blobs = makeBlobs(30, 10, 50)
    for (const [index, each] of blobs.entries()) {
      const shard = [fresh, old][index % 3]
      await shard?.commitWrite(each.digest, sourceOf(each))
    }
    const digests = blobs.map(({ digest }) => digest)

    const missing = await storage.missingBlobs([...digests, ...digests])
    expect(fresh.bulkCalls).toEqual(['missingBlobs 60'])
    expect(old.bulkCalls).toEqual(['missingBlobs 40'])
    const absent = digests.filter((_, index) => index % 3 === 2)
    expect(missing).toEqual([...absent, ...absent])

    expect((await storage.bulkReadBlobs(digests)).size).toBe(20)
    await storage.bulkDelete(digests)
    expect(await storage.missingBlobs(digests)).toEqual(digests)
  })

  test('a shard that fails is never taken for one that has nothing', async () => {
    for (const shard of [fresh, old]) {
      shard.failure = unavailable
      await expect(storage.hasBlob(makeBlob(9, 9).digest)).rejects.toBe(unavailable)
      await expect(storage.getBlob(makeBlob(9, 9).digest)).rejects.toBe(unavailable)
      await expect(storage.missingBlobs([makeBlob(9, 9).digest])).rejects.toBe(unavailable)
      await expect(storage.bulkReadBlobs([makeBlob(9, 9).digest])).rejects.toBe(unavailable)
      await expect(storage.resolveHash(makeBlob(9, 9).digest.hash)).rejects.toBe(unavailable)
      shard.failure = undefined
    }
    fresh.failure = unavailable
    await expect(storage.hasBlob(blob.digest)).rejects.toBe(unavailable)
    fresh.failure = undefined
  })

  test('deletes are attempted at both shards, and fail when one does', async () => {
    for (const [failing, other] of [[fresh, old] as const, [old, fresh] as const]) {
      for (const shard of [fresh, old]) await shard.commitWrite(blob.digest, sourceOf(blob))
      failing.failure = unavailable
      await expect(storage.deleteBlob(blob.digest)).rejects.toBe(unavailable)
      expect(other.holds(blob.digest)).toBe(false)
      expect(await storage.bulkDelete([blob.digest])).toEqual([`${blob.digest.hash}/5000`])
      failing.failure = undefined
    }
    await storage.deleteBlob(blob.digest)
    expect(await storage.hasBlob(blob.digest)).toBe(false)
  })

  test.each(Object.entries(removals))(
    '%s ends a copy that is being read, which brings nothing back',
    async (_, remove) => {
      const gate = new Gate()
      old.onRead = gate.wait
      await storage.hasBlob(blob.digest)
      await gate.reached

      expect(await remove()).toEqual([])
      gate.open()
      await storage.stop()

      expect([fresh.blobs.size, old.blobs.size, events.length]).toEqual([0, 0, 0])
      await storage.start()
    },
  )

  test.each(Object.entries(removals))('%s waits for a copy that is being stored, and removes it', async (_, remove) => {
    const gate = new Gate()
    fresh.onCommit = gate.wait
    await storage.hasBlob(blob.digest)
    await gate.reached

    const removing = remove()
    expect(await storage.hasBlob(blob.digest)).toBe(true)
    gate.open()
    expect(await removing).toEqual([])
    await storage.stop()

    expect([fresh.blobs.size, old.blobs.size, events.length]).toEqual([0, 0, 0])
    await storage.start()
  })

  test('a blob that is gone before it could be copied is no failure', async () => {
    const gate = new Gate()
    old.onRead = gate.wait
    await storage.hasBlob(blob.digest)
    await old.deleteBlob(blob.digest)

    gate.open()
    await storage.stop()

    expect(fresh.blobs.size).toBe(0)
    expect(events).toEqual([])
    await storage.start()
  })

  test('stop waits for the copies that are being made', async () => {
    const gate = new Gate()
    fresh.onCommit = gate.wait
    await storage.hasBlob(blob.digest)
    await gate.reached

    const stopping = storage.stop()
    gate.open()
    await stopping

    expect(fresh.holds(blob.digest)).toBe(true)
    await storage.start()
  })

  test('stop ends the copies that do not come to an end, once it has waited for them', async () => {
    class ImpatientStorage extends ShardedStorage {
      protected override readonly stopDeadlineMs = 1
    }
    const gate = new Gate()
    const impatient = new ImpatientStorage({
      shards: { old, new: fresh },
      weights: { old: 0 },
      previousWeights: { old: 1 },
    })
    old.onRead = gate.wait
    await impatient.start()
    await impatient.hasBlob(blob.digest)
    await gate.reached

    await impatient.stop()
    gate.open()
    await storage.stop()

    expect(fresh.blobs.size).toBe(0)
    expect(events.map(({ kind }) => kind)).toEqual(['stop-deadline'])
    await storage.start()
  })

  test('damaged content is not copied, and an event says so', async () => {
    old.damages = true
    await storage.hasBlob(blob.digest)
    await storage.stop()

    expect(fresh.blobs.size).toBe(0)
    expect(events).toMatchObject([
      {
        kind: 'copy-failure',
        storageType: 'Sharded',
        operation: 'copy',
        digest: blob.digest,
        error: { code: 'corrupt' },
      },
    ])
    await storage.start()
  })

  test('a copy that cannot be stored costs an event, and no read', async () => {
    fresh.onCommit = () => Promise.reject(new StorageError('no-space', 'full'))

    assertSameBytes(await readChunks(await storage.getBlob(blob.digest)), blob.bytes, 'getBlob')
    await storage.stop()

    expect(events).toMatchObject([{ kind: 'copy-failure', error: { code: 'no-space' } }])
    await storage.start()
  })

  test('what moved back, or never moved, is asked for once', async () => {
    const shards = { old, new: fresh }
    const unmoved = new ShardedStorage({ shards, weights: { new: 0 }, previousWeights: { old: 3, new: 0 } })
    await unmoved.start()

    expect(await unmoved.missingBlobs([blob.digest, makeBlob(9, 9).digest])).toEqual([makeBlob(9, 9).digest])

    expect([old.bulkCalls, fresh.bulkCalls]).toEqual([['missingBlobs 2'], []])
    await unmoved.stop()
  })
})
