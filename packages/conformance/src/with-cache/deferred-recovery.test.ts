import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { assertStored } from '../assertions.ts'
import type { TestBlob } from '../index.ts'
import { failing, makeBlob, makeBlobs, on, sourceOf } from '../index.ts'
import type { Deferring } from './deferred.fixture.ts'
import {
  deferring,
  entryFor,
  journalAfterKill,
  journalFiles,
  keyOf,
  removeJournals,
  SIZES,
  start,
  stop,
  useDeferring,
} from './deferred.fixture.ts'

const { running, events } = useDeferring()

describe('what waits', () => {
  test.each(SIZES)('is there after a stop and a start, %i bytes', async (size) => {
    const first = await running()
    const blob = makeBlob(1, size)
    first.fallback.plan = failing()
    first.entries.plan = failing()
    await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
    await first.backend.actionCache.update(keyOf(1), entryFor(blob))
    await stop(first.backend)

    const second = await running({}, first)
    await second.backend.storage.flush()

    await assertStored(second.fallback.inner, blob)
    expect((await second.entries.inner.get(keyOf(1)))?.references).toEqual([blob.digest])
  })

  test('is taken over from a process that was killed, at any moment, and delivered once', async () => {
    const first = await running()
    first.fallback.plan = failing()
    first.entries.plan = failing()
    const blobs = [...makeBlobs(20, 1000), ...makeBlobs(5, 200_000, 50)]
    for (const [index, blob] of blobs.entries()) {
      await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
      await first.backend.actionCache.update(keyOf(index), entryFor(blob))
    }
    const journalDirectory = journalAfterKill(first.journalDirectory)

    const second = await running({ journalDirectory })
    expect(second.backend.storage.deferredStatus?.writes).toBeGreaterThan(0)
    await second.backend.storage.flush()

    for (const [index, blob] of blobs.entries()) {
      await assertStored(second.fallback.inner, blob)
      expect((await second.entries.inner.get(keyOf(index)))?.references).toEqual([blob.digest])
    }
    await stop(second.backend)
    expect(journalFiles(journalDirectory, (name) => /segment|content/.test(name))).toEqual([])
  })

  test('of several earlier runs is delivered in the order in which it was accepted, entries after their blobs', async () => {
    for (let round = 0; round < 6; round++) {
      const blob = makeBlob(round, 1000)
      const outage = async (earlier: Deferring | undefined, write: (each: Deferring) => Promise<unknown>) => {
        const each = deferring({}, earlier)
        each.fallback.plan = failing()
        each.entries.plan = failing()
        await start(each.backend)
        await write(each)
        await stop(each.backend)
        return each
      }
      const first = await outage(undefined, async ({ backend }) => {
        await backend.storage.commitWrite(blob.digest, sourceOf(blob))
        await backend.actionCache.update(keyOf(1), { ...entryFor(blob), metadata: { of: 'old' } })
      })
      const second = await outage(first, ({ backend }) => backend.actionCache.update(keyOf(1), entryFor(blob)))
      const order: string[] = []
      const third = deferring({}, second)
      third.fallback.plan = on('commitWrite', { after: () => order.push('blob') })
      third.entries.plan = on('update', { before: () => order.push('entry') })
      await start(third.backend)
      await third.backend.storage.flush()

      expect(order[0]).toBe('blob')
      expect((await third.entries.inner.get(keyOf(1)))?.metadata).toEqual({ of: blob.digest.hash })
      await stop(third.backend)
      removeJournals(third.journalDirectory)
    }
  })

  test('is left alone by other processes while its own runs', async () => {
    const first = await running()
    first.fallback.plan = failing()
    const blob = makeBlob(1, 1000)
    await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))

    const second = deferring({ journalDirectory: first.journalDirectory })
    await start(second.backend)

    expect(second.backend.storage.deferredStatus?.writes).toBe(0)
    await stop(second.backend)
    expect(first.backend.storage.deferredStatus?.writes).toBe(1)
  })

  test('ends at the first record that is not whole, and loses nothing before it', async () => {
    const first = await running()
    first.fallback.plan = failing()
    const blobs = makeBlobs(3, 1000)
    for (const blob of blobs) await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
    const journalDirectory = journalAfterKill(first.journalDirectory)
    const [segment] = journalFiles(journalDirectory, (name) => name.startsWith('segment-'))
    truncateSync(segment ?? '', statSync(segment ?? '').size - 1)

    const second = await running({ journalDirectory })
    await second.backend.storage.flush()

    for (const blob of blobs.slice(0, 2)) await assertStored(second.fallback.inner, blob)
    expect(await second.fallback.inner.hasBlob(blobs[2]?.digest as TestBlob['digest'])).toBe(false)
  })

  test('whose file was damaged is dropped and reported, and never delivered', async () => {
    const first = await running()
    first.fallback.plan = failing()
    const [damaged, cut] = makeBlobs(2, 200_000) as [TestBlob, TestBlob]
    for (const blob of [damaged, cut]) await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
    const journalDirectory = journalAfterKill(first.journalDirectory)
    const files = journalFiles(journalDirectory, (name) => name.endsWith('.content'))
    const content = readFileSync(files[0] ?? '')
    content[1000] = (content[1000] ?? 0) ^ 1
    writeFileSync(files[0] ?? '', content)
    truncateSync(files[1] ?? '', 100)
    events.length = 0

    const second = await running({ journalDirectory })
    await second.backend.storage.flush()

    expect(await second.backend.storage.missingBlobs([damaged.digest, cut.digest])).toHaveLength(2)
    expect(new Set(events.map(({ kind, operation }) => `${kind} ${operation}`))).toContain('corrupt journal')
  })

  test('that a newer version wrote is refused, and left as it is', async () => {
    const first = await running()
    first.fallback.plan = failing()
    const blob = makeBlob(1, 1000)
    await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
    await stop(first.backend)
    const [segment] = journalFiles(first.journalDirectory, (name) => name.startsWith('segment-'))
    const written = readFileSync(segment ?? '')
    writeFileSync(segment ?? '', newerFormat(written))

    const second = deferring({}, first)
    await expect(second.backend.storage.start()).rejects.toMatchObject({ code: 'unsupported' })
    await expect(second.backend.storage.start()).rejects.toThrow(/version 9, this program reads up to version 1/)

    const [left] = journalFiles(first.journalDirectory, (name) => name.startsWith('segment-'))
    writeFileSync(left ?? '', written)
    const third = await running({}, first)
    await third.backend.storage.flush()
    await assertStored(third.fallback.inner, blob)
  })
})

/** Changes the version in the first record of a segment, and its checksum. */
function newerFormat(segment: Buffer): Buffer {
  const text = segment.toString('latin1').replace('"version":1', '"version":9')
  const changed = Buffer.from(text, 'latin1')
  const length = changed.readUInt32LE(0)
  changed.writeUInt32LE(crc32(changed.subarray(12, 12 + length)), 8)
  return changed
}
