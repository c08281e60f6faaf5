import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withCache } from '@caskade/core'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, describe, expect, test } from 'vitest'
import { assertStored } from '../assertions.ts'
import { fileBackend } from '../durability/file-backend.fixture.ts'
import type { FileFault } from '../index.ts'
import {
  checkKills,
  checkPowerLoss,
  failing,
  FaultyFiles,
  makeBlob,
  makeBlobs,
  ReferenceActionCache,
  ReferenceStorage,
  sourceOf,
} from '../index.ts'
import { deferring, entryFor, keyOf, SIZES, start, stop, useDeferring } from './deferred.fixture.ts'

const SEED = 20_260_201

const { running, events } = useDeferring()

const directories: string[] = []

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

describe('what was deferred', () => {
  test(`is there after the power failed (seed ${SEED})`, async () => {
    const checking = checkPowerLoss({
      open: (directory, files) =>
        withCache({
          cache: { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() },
          fallback: fileBackend(directory, files),
          deferFallbackWrites: true,
          journalDirectory: join(directory, 'journal'),
          drainMs: 0,
          files,
        }),
      seed: SEED,
      rounds: 20,
      maxOperations: 300,
    })

    await expect(checking).resolves.toBeUndefined()
  })

  test(`is there after the process was killed (seed ${SEED})`, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'caskade-kills-'))
    directories.push(directory)
    const module = new URL('deferring-module.fixture.ts', import.meta.url)

    await expect(checkKills({ module, directory, seed: SEED, rounds: 6 })).resolves.toBeUndefined()
  })
})

describe('a journal that cannot be written', () => {
  const faults: readonly FileFault[] = [
    { errno: 'ENOSPC', operation: 'write' },
    { errno: 'ENOSPC', operation: 'write', effect: 'torn' },
    { errno: 'EIO', operation: 'sync' },
    { errno: 'EMFILE', operation: 'open' },
    { errno: 'EIO', operation: 'syncDirectory' },
  ]

  test.each(faults)('has writes go to the fallback at once: $errno of $operation ($effect)', async (fault) => {
    for (const size of SIZES) {
      let isOn = false
      const files = new FaultyFiles(nodeFiles, [{ ...fault, path: /journal/, isOn: () => isOn }])
      const { backend, fallback, entries } = await running({ files })
      const [before, during, after] = makeBlobs(3, size)
      if (before === undefined || during === undefined || after === undefined) return
      await backend.storage.commitWrite(before.digest, sourceOf(before))

      isOn = true
      await backend.storage.commitWrite(during.digest, sourceOf(during))
      await backend.actionCache.update(keyOf(1), entryFor(during))
      isOn = false
      await backend.storage.commitWrite(after.digest, sourceOf(after))
      await backend.storage.flush()

      for (const blob of [before, during, after]) await assertStored(fallback.inner, blob)
      expect((await entries.inner.get(keyOf(1)))?.references).toEqual([during.digest])
    }
  })

  test('refuses a write while the fallback is away, and keeps nothing of it', async () => {
    let isOn = false
    const fault: FileFault = { errno: 'EIO', operation: 'sync', effect: 'whole', isOn: () => isOn }
    const first = await running({ files: new FaultyFiles(nodeFiles, [fault]) })
    first.fallback.plan = failing()
    const [kept, refused] = makeBlobs(2, 1000)
    if (kept === undefined || refused === undefined) return
    await first.backend.storage.commitWrite(kept.digest, sourceOf(kept))

    isOn = true
    const outcome = first.backend.storage.commitWrite(refused.digest, sourceOf(refused))
    await expect(outcome).rejects.toMatchObject({ code: 'unavailable' })
    isOn = false
    await first.backend.actionCache.stop()
    await first.backend.storage.stop()

    const second = await running({}, first)
    await second.backend.storage.flush()
    expect(await second.fallback.inner.missingBlobs([kept.digest, refused.digest])).toEqual([refused.digest])
  })
})

describe('a journal that cannot be read', () => {
  test.each(SIZES)('is an error, and not taken for an absent blob of %i bytes or lost', async (size) => {
    const first = await running()
    first.fallback.plan = failing()
    first.entries.plan = failing()
    const blob = makeBlob(1, size)
    await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
    await first.backend.actionCache.update(keyOf(1), entryFor(blob))
    await stop(first.backend)
    let isOn = false
    const fault: FileFault = { errno: 'EMFILE', operation: ['open', 'read'], isOn: () => isOn }
    const second = deferring({ files: new FaultyFiles(nodeFiles, [fault]) }, first)
    second.fallback.plan = failing()
    second.entries.plan = failing()
    await start(second.backend)
    const { storage, actionCache } = second.backend

    isOn = true
    await expect(storage.getBlob(blob.digest)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(actionCache.get(keyOf(1))).rejects.toMatchObject({ code: 'unavailable' })
    isOn = false
    second.fallback.plan = {}
    second.entries.plan = {}
    await storage.flush()

    await assertStored(second.fallback.inner, blob)
    expect(events.filter(({ kind }) => kind === 'corrupt')).toEqual([])
    await stop(second.backend)
  })

  test('fails the start, and is left as it was', async () => {
    const first = await running()
    first.fallback.plan = failing()
    const blob = makeBlob(1, 1000)
    await first.backend.storage.commitWrite(blob.digest, sourceOf(blob))
    await first.backend.actionCache.stop()
    await first.backend.storage.stop()
    const files = new FaultyFiles(nodeFiles, [{ errno: 'EIO', operation: 'read' }])

    await expect(start(deferring({ files }, first).backend)).rejects.toMatchObject({ code: 'unknown' })

    const third = await running({}, first)
    await third.backend.storage.flush()
    await assertStored(third.fallback.inner, blob)
  })
})
