import type { ScrubReport } from '@caskade/core'
import { Scrubber } from '@caskade/core'
import { describe, expect, test } from 'vitest'
import { eventsDuring } from './events.ts'
import { damageBlob } from './broken/broken-storage.ts'
import { failing, FaultyStorage, makeBlobs, on, ReferenceStorage, sourceOf } from './index.ts'
import type { TestBlob } from './index.ts'

async function filled(count: number, size: number): Promise<[ReferenceStorage, TestBlob[]]> {
  const storage = new ReferenceStorage()
  await storage.start()
  const blobs = makeBlobs(count, size)
  for (const blob of blobs) await storage.commitWrite(blob.digest, sourceOf(blob))
  return [storage, blobs]
}

describe('a scrub', () => {
  test('reads everything, drops what is damaged, and says what it came to', async () => {
    const [storage, blobs] = await filled(10, 1000)
    for (const blob of blobs.slice(3, 5)) damageBlob(storage, blob.digest.hash, 'flip-bit')
    const scrubber = new Scrubber({ storage, wait: () => Promise.resolve() })

    const report = await scrubber.scrub()

    expect(report).toEqual({
      checkedBlobs: 10,
      checkedBytes: 10_000,
      damagedBlobs: 2,
      healedBlobs: 0,
      failedBlobs: 0,
    })
    expect(await storage.missingBlobs(blobs.map(({ digest }) => digest))).toEqual(
      blobs.slice(3, 5).map(({ digest }) => digest),
    )
  })

  test('rests so that it reads no faster than it may, small blobs counting as a block', async () => {
    for (const [size, counted] of [
      [100, 4096],
      [50_000, 50_000],
    ] as const) {
      const [storage] = await filled(20, size)
      const clock = { nowMs: 0 }
      const wait = async (ms: number): Promise<void> => {
        clock.nowMs += ms
      }

      await new Scrubber({ storage, maxBytesPerSecond: 100_000, now: () => clock.nowMs, wait }).scrub()

      const atLeastMs = ((20 * counted) / 100_000) * 1000
      expect(clock.nowMs).toBeGreaterThan(atLeastMs - 50)
      expect(clock.nowMs).toBeLessThan(atLeastMs + 1)
    }
  })

  test('goes on after a blob that cannot be checked', async () => {
    const [storage] = await filled(5, 100)
    const faulty = new FaultyStorage(storage, on({ methods: ['checkBlob'], call: 2 }, failing()))
    await faulty.start()
    const reports: ScrubReport[] = []

    const events = await eventsDuring(async () => {
      reports.push(await new Scrubber({ storage: faulty, wait: () => Promise.resolve() }).scrub())
    })

    expect(reports).toMatchObject([{ checkedBlobs: 4, failedBlobs: 1 }])
    expect(events.map(({ kind }) => kind)).toEqual(['scrub-failure'])
  })

  test('begins again after a pause, until it is stopped', async () => {
    const [storage] = await filled(2, 100)
    const rounds: ScrubReport[] = []
    const pauses: number[] = []
    const { promise: paused, resolve } = Promise.withResolvers<void>()
    const wait = (ms: number, signal?: AbortSignal): Promise<void> => {
      pauses.push(ms)
      if (pauses.length < 3) return Promise.resolve()
      resolve()
      const { promise, reject } = Promise.withResolvers<void>()
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
      return promise
    }
    const scrubber = new Scrubber({
      storage,
      pauseMs: 5000,
      onRound: (report) => rounds.push(report),
      now: () => 0,
      wait,
    })

    await scrubber.start()
    await paused
    await scrubber.stop()

    expect(pauses.filter((ms) => ms === 5000).length).toBeGreaterThan(0)
    expect(rounds[0]).toMatchObject({ checkedBlobs: 2 })
  })

  test('ends at once when it is aborted', async () => {
    const [storage] = await filled(2, 100)

    const scrubbing = new Scrubber({ storage }).scrub(AbortSignal.abort(new Error('enough')))

    await expect(scrubbing).rejects.toThrow('enough')
  })

  test.each([{ maxBytesPerSecond: 0 }, { maxBytesPerSecond: Number.NaN }, { pauseMs: -1 }, { pauseMs: 1e12 }])(
    'refuses %o',
    (options) => {
      const make = (): Scrubber => new Scrubber({ storage: new ReferenceStorage(), ...options })
      expect(make).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    },
  )
})
