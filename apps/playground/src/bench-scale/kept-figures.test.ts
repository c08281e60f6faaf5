import { expect, test } from 'vitest'
import { benchRun } from '../bench/kept-runs.fixture.ts'
import type { BenchRun, OfRun } from '../bench/kept-runs.ts'
import type { FullDiskResult } from './full-disk.ts'
import { mergeScaleReports } from './kept-figures.ts'
import { makeScaleReport } from './report.ts'
import type { ScaleReport } from './report.ts'
import type { ScaleFailure, ScaleFigure } from './scale-run.ts'
import { quickScaleEffort } from './scale-run.ts'

const whole = benchRun('pnpm bench:scale --write')
const part = benchRun('pnpm bench:scale --write --only memory', { date: '2026-01-03T00:00:00.000Z' })

test('a figure is replaced by that of the same part, server, size and measure, and by no other', () => {
  const kept = report({
    figures: [
      figure(whole, 1),
      figure(whole, 2, { part: 'operations' }),
      figure(whole, 3, { subject: 'caskade fs' }),
      figure(whole, 4, { blobs: 1_000_000 }),
      figure(whole, 5, { measure: 'quiet again, MiB' }),
    ],
  })

  const merged = mergeScaleReports(kept, report({ figures: [figure(part, 10)] }), [])

  expect(merged.figures).toEqual([figure(part, 10), ...kept.figures.slice(1)])
})

test('what a full disk came to is replaced server by server', () => {
  const kept = report({ fullDisks: [fullDisk(whole, 'caskade sqlite'), fullDisk(whole, 'caskade fs')] })

  const merged = mergeScaleReports(kept, report({ fullDisks: [fullDisk(part, 'caskade fs')] }), [])

  expect(merged.fullDisks).toEqual([fullDisk(whole, 'caskade sqlite'), fullDisk(part, 'caskade fs')])
})

test('a failure is there until all that failed has been attempted anew', () => {
  const ofBoth = failure(whole, { parts: ['memory', 'operations'] })
  const ofMemory = failure(whole, { parts: ['memory'] })
  const ofOther = failure(whole, { of: 'caskade fs, 1,000,000 blobs' })
  const kept = report({ failures: [ofBoth, ofMemory, ofOther] })
  const anew = report({ failures: [failure(part, { parts: ['start-up'] })] })

  const merged = mergeScaleReports(kept, anew, [
    { of: ofBoth.of, parts: ['memory'] },
    { of: ofBoth.of, parts: ['start-up'] },
  ])

  expect(merged.failures).toEqual([ofBoth, ofOther, ...anew.failures])
})

test('the head of a report names the runs of which figures are there, and no others', () => {
  const kept = report({ figures: [figure(whole, 1), figure(whole, 2, { part: 'operations' })] })

  const some = mergeScaleReports(kept, report({ figures: [figure(part, 10)] }), [])
  const all = mergeScaleReports(
    kept,
    report({ figures: [figure(part, 10), figure(part, 20, { part: 'operations' })] }),
    [],
  )

  expect(makeScaleReport(some)).toContain(
    'Made by `pnpm bench:scale --write` on 2026-01-02, with figures of `pnpm bench:scale --write --only memory` on 2026-01-03. Do not edit',
  )
  expect(makeScaleReport(all)).toContain('Made by `pnpm bench:scale --write --only memory` on 2026-01-03. Do not edit')
})

function report(lists: Partial<ScaleReport>): ScaleReport {
  return { figures: [], fullDisks: [], failures: [], effort: quickScaleEffort, seed: 1, ...lists }
}

function figure(run: BenchRun, value: number, differences: Partial<ScaleFigure> = {}): ScaleFigure & OfRun {
  return {
    run,
    part: 'memory',
    subject: 'caskade sqlite',
    blobs: 100_000,
    measure: 'idle, MiB',
    value,
    ...differences,
  }
}

function failure(run: BenchRun, differences: Partial<ScaleFailure>): ScaleFailure & OfRun {
  return { run, of: 'caskade fs, 100,000 blobs', parts: ['memory'], message: 'it ended', ...differences }
}

function fullDisk(run: BenchRun, subject: string): FullDiskResult & OfRun {
  return {
    run,
    subject,
    acknowledged: 1,
    refused: 1,
    refusal: '507',
    readable: 1,
    readsMeanwhile: 1,
    failedReads: 0,
    readP99Ms: 1,
  }
}
