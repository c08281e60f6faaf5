import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlobs, PowerLossFiles, sourceOf } from '@caskade/conformance'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Totals } from './accounts.ts'
import { fsBackend } from './fs-backend.ts'
import { correctionOf } from './recount.ts'
import { costOnDisk, openStore } from './stores.fixture.ts'

const MAX_BYTES = 1_000_000
const ROUNDS = 25

const totals = (usedBytes: number, takenBytes = 0, removedBytes = 0): Totals => {
  return { usedBytes, takenBytes, removedBytes, processes: 2, ledgers: '' }
}

describe('a recount', () => {
  const counted = { storedBytes: 1000, temporaryBytes: 100, chunkBytes: 10 }

  test.each([
    ['leaves alone what may be right', totals(1150), totals(1150), 0],
    ['gives back what is certainly not there', totals(5000), totals(5000), 1180 - 5000],
    ['gives back no more than that, after others have removed some', totals(5000), totals(4000, 0, 900), 2080 - 5000],
    ['adds what certainly is there', totals(0), totals(0), 1180],
    ['adds nothing that may have been written meanwhile', totals(0), totals(950, 950), 0],
    ['adds nothing that may have been removed and written meanwhile', totals(0), totals(0, 0, 950), 0],
  ])('%s', (_, before, after, correction) => {
    expect(correctionOf(before, after, counted)).toBe(correction)
  })
})

describe('when the power fails', () => {
  let parent: string

  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
  })

  afterEach(() => rmSync(parent, { recursive: true }))

  test(`what is counted is at least what is there, and little more (seeds 1 to ${ROUNDS})`, async () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const [before, after] = [join(parent, `${seed}-before`), join(parent, `${seed}-after`)]
      mkdirSync(before)
      const files = new PowerLossFiles({ directory: before, seed, crashAt: 150 + ((seed * 97) % 500) })
      const options = { maxBytes: MAX_BYTES, highWatermark: 1, lowWatermark: 0.7, accessGranularityMs: 0 }
      const { storage } = fsBackend({ path: join(before, 'store'), files, ...options })
      await storage.start()
      const blobs = makeBlobs(60, 40_000, seed * 1000)
      for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob)).catch(() => undefined)
      expect(files.hasCrashed).toBe(true)
      files.recover(after)
      await storage.stop().catch(() => undefined)

      const path = join(after, 'store')
      await using opened = await openStore({ path, ...options })

      const { usedBytes } = await opened.store.running.accounts.totals()
      expect(usedBytes).toBeGreaterThanOrEqual(costOnDisk(path))
      expect(usedBytes).toBeLessThanOrEqual(costOnDisk(path) + 8 * opened.store.running.accounts.chunkBytes)
    }
  })
})
