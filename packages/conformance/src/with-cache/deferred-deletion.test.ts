import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { assertSameBytes, assertStored, readChunks } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { failing, hanging, makeBlob, makeBlobs, on, sourceOf } from '../index.ts'
import {
  deferring,
  entryFor,
  journalAfterKill,
  journalFiles,
  keyOf,
  removeJournals,
  SIZES,
  stop,
  useDeferring,
} from './deferred.fixture.ts'

const { running } = useDeferring()

describe('a deletion of what waits', () => {
  test.each(['deleteBlob', 'bulkDelete'] as const)('%s cancels it for good', async (method) => {
    for (const size of SIZES) {
      const first = await running()
      const plan = hanging()
      first.fallback.plan = on('commitWrite', plan)
      const [deleted, kept] = makeBlobs(2, size) as [TestBlob, TestBlob]
      for (const blob of [deleted, kept]) await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
      await plan.reached

      await (method === 'deleteBlob'
        ? first.backend.storage.deleteBlob(deleted.digest)
        : first.backend.storage.bulkDelete([deleted.digest]))
      const journalDirectory = journalAfterKill(first.journalDirectory)

      expect(await first.backend.storage.missingBlobs([deleted.digest, kept.digest])).toEqual([deleted.digest])
      const second = await running({ journalDirectory })
      await second.backend.storage.flush()
      expect(await second.fallback.inner.missingBlobs([deleted.digest, kept.digest])).toEqual([deleted.digest])
    }
  })

  test('of an entry cancels it for good', async () => {
    const first = await running()
    first.entries.plan = on('update', hanging())
    const blob = makeBlob(1, 10)
    await first.backend.actionCache.update(keyOf(1), entryFor(blob))

    await first.backend.actionCache.delete(keyOf(1))
    const journalDirectory = journalAfterKill(first.journalDirectory)

    expect(await first.backend.actionCache.get(keyOf(1))).toBeNull()
    const second = await running({ journalDirectory })
    await second.backend.actionCache.flush()
    expect(await second.entries.inner.get(keyOf(1))).toBeNull()
  })

  test('of an entry also calls back an older write of it that is on its way', async () => {
    const { backend, entries } = await running()
    const plan = hanging()
    entries.plan = on('update', plan)
    await backend.actionCache.update(keyOf(1), entryFor(makeBlob(1, 10)))
    await plan.reached
    await backend.actionCache.update(keyOf(1), entryFor(makeBlob(2, 10)))

    await backend.actionCache.delete(keyOf(1))
    plan.release()
    await backend.actionCache.flush()

    expect(await entries.inner.get(keyOf(1))).toBeNull()
    expect(await backend.actionCache.get(keyOf(1))).toBeNull()
  })

  test('comes to its end while others write all the time', async () => {
    const { backend } = await running()
    const over = new AbortController()
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let seed = 1000 * (writer + 1); !over.signal.aborted; seed++) {
        const blob = makeBlob(seed, 500)
        await backend.storage.commitWrite(blob.digest, sourceOf(blob))
      }
    })
    const blob = makeBlob(1, 500)
    await backend.storage.commitWrite(blob.digest, sourceOf(blob))

    await backend.storage.deleteBlob(blob.digest)
    over.abort()
    await Promise.all(writers)

    expect(await backend.storage.hasBlob(blob.digest)).toBe(false)
  })

  test('that the fallback could not do leaves it waiting', async () => {
    const { backend, fallback } = await running()
    fallback.plan = failing()
    const blob = makeBlob(1, 1000)
    await backend.storage.commitWrite(blob.digest, sourceOf(blob))

    await expect(backend.storage.deleteBlob(blob.digest)).rejects.toMatchObject({ code: 'unavailable' })

    assertSameBytes(await readChunks(await backend.storage.getBlob(blob.digest)), blob.bytes, 'getBlob')
    expect(backend.storage.deferredStatus?.writes).toBe(1)
  })
})

describe('a deferred entry', () => {
  test('is answered while it waits, and the latest wins, whatever was on its way', async () => {
    const { backend, entries } = await running()
    const plan = hanging()
    entries.plan = on('update', plan)
    const values = makeBlobs(5, 50)

    for (const value of values) {
      await backend.actionCache.update(keyOf(1), entryFor(value))
      expect((await backend.actionCache.get(keyOf(1)))?.metadata).toEqual(entryFor(value).metadata)
    }
    const listed = await Array.fromAsync(backend.actionCache.list('n'))
    plan.release()
    await backend.actionCache.flush()

    expect(listed).toHaveLength(1)
    expect((await entries.inner.get(keyOf(1)))?.references).toEqual([values[4]?.digest])
    // The first was on its way, the last had to go, and those between were superfluous.
    expect(entries.calls.update).toBe(2)
  })

  test('with ifAbsent is stored once, however many try', async () => {
    const { backend, entries } = await running()
    entries.plan = on('update', hanging())
    const values = makeBlobs(10, 50)

    const outcomes = await Promise.all(
      values.map((value) => backend.actionCache.update(keyOf(1), entryFor(value), { ifAbsent: true })),
    )

    expect(outcomes.filter(Boolean)).toHaveLength(1)
    expect(await backend.actionCache.update(keyOf(1), entryFor(makeBlob(1, 1)), { ifAbsent: true })).toBe(false)
  })

  test('does not overtake its blobs when there is no room to defer it', async () => {
    const { backend, fallback, entries } = await running({ maxPendingWrites: 1 })
    const plan = hanging()
    fallback.plan = on('commitWrite', plan)
    const blob = makeBlob(1, 1000)
    await backend.storage.commitWrite(blob.digest, sourceOf(blob))

    const refused = backend.actionCache.update(keyOf(1), entryFor(blob))

    await expect(refused).rejects.toMatchObject({ code: 'unavailable' })
    expect(await entries.inner.get(keyOf(1))).toBeNull()
    plan.release()
    await backend.storage.flush()
    expect(await backend.actionCache.update(keyOf(1), entryFor(blob))).toBe(true)
  })
})

describe('flush and stop', () => {
  test('a flush waits for what was there, and can be given up', async () => {
    const { backend, fallback } = await running()
    fallback.plan = on('commitWrite', hanging())
    const blob = makeBlob(1, 1000)
    await backend.storage.commitWrite(blob.digest, sourceOf(blob))
    const controller = new AbortController()
    const reason = new Error('enough')

    const flushing = backend.storage.flush({ signal: controller.signal })
    controller.abort(reason)

    await expect(flushing).rejects.toBe(reason)
  })

  test('a stop delivers what waits, unless that takes too long', async () => {
    const first = await running({ drainMs: 60_000 })
    const plan = hanging()
    first.fallback.plan = on('commitWrite', plan)
    const blob = makeBlob(1, 1000)
    await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))

    const stopping = stop(first.backend)
    plan.release()
    await stopping

    await first.fallback.inner.start()
    await assertStored(first.fallback.inner, blob)
    await first.fallback.inner.stop()
    expect(journalFiles(first.journalDirectory, (name) => /segment|content/.test(name))).toEqual([])
  })

  test('a start fails with what is wrong with the folder', async () => {
    const journalDirectory = mkdtempSync(join(tmpdir(), 'caskade-journal-'))
    writeFileSync(join(journalDirectory, 'file'), '')
    const { backend } = deferring({ journalDirectory: join(journalDirectory, 'file') })

    await expect(backend.storage.start()).rejects.toThrow(/cannot use journalDirectory .*file/)
    removeJournals(journalDirectory)
  })
})
