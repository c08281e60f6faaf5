import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseKept } from '../bench/kept-file.ts'
import { benchRun } from '../bench/kept-runs.fixture.ts'
import type { OfRun } from '../bench/kept-runs.ts'
import { scaleLists } from './kept-figures.ts'
import { makeScaleReport } from './report.ts'
import type { ScaleReport } from './report.ts'
import type { ScaleFigure, ScalePart } from './scale-run.ts'
import { quickScaleEffort } from './scale-run.ts'
import { scaleSubjects } from './scale-subject.ts'

const run = benchRun('pnpm bench:scale', {
  servers: scaleSubjects.map(({ kind: { name, conduct } }) => ({ name, version: '1.2.3', conduct })),
})

const report: ScaleReport = {
  failures: [{ run, of: 'caskade fs', parts: ['memory', 'operations'], message: 'it ended' }],
  figures: [
    figure('start-up', 100_000, 'after a kill, ms', 200),
    figure('start-up', 1_000_000, 'after a kill, ms', 300),
    figure('start-up', 5_000_000, 'after a kill, ms', 900),
    figure('memory', 100_000, 'idle, MiB', 100),
    figure('memory', 1_000_000, 'idle, MiB', 190),
  ],
  fullDisks: [
    {
      run,
      subject: 'caskade sqlite',
      acknowledged: 1200,
      refused: 1001,
      refusal: '507 the disk is full',
      readable: 1200,
      readsMeanwhile: 4000,
      failedReads: 0,
      readP99Ms: 12,
    },
  ],
  effort: quickScaleEffort,
  seed: 1,
}

test('a report says how each figure grows from size to size', () => {
  const text = makeScaleReport(report)

  expect(text).toMatch(
    /\| server +\| measure +\| +100,000 \| +1,000,000 \| +5,000,000 \| +× at 1,000,000 \| +× at 5,000,000 \|/,
  )
  expect(text).toMatch(/\| caskade sqlite +\| after a kill, ms +\| +200 \| +300 \| +900 \| +1\.5 \| +3 \|/)
})

test('a report says what a million blobs more take of memory', () => {
  expect(makeScaleReport(report)).toMatch(/\| server +\| idle, MiB \|\n\|[^\n]+\n\| caskade sqlite +\| +100 \|/)
})

test('a report says what failed, what a full disk came to, and what was not measured', () => {
  const text = makeScaleReport(report)

  expect(text).toContain('- Failed, by `pnpm bench:scale` on 2026-01-02: caskade fs: memory, operations: it ended.')
  expect(text).toMatch(/\| caskade sqlite +\| 1\.2\.3 +\|/)
  expect(text).toMatch(
    /\| caskade sqlite +\| 507 the disk is full +\| +1200 \| +1200 \| +1001 \| +4000 \| +0 \| +12 \|/,
  )
  expect(text).toMatch(/## Eviction\n\n[^\n]+\n\nNot measured\./)
  expect(text).not.toMatch(/undefined|NaN/)
})

test('what failed altogether has a report, and nothing at all says so', () => {
  const nothing: ScaleReport = { ...report, figures: [], fullDisks: [] }

  expect(makeScaleReport(nothing)).toContain('Made by `pnpm bench:scale` on 2026-01-02.')
  expect(makeScaleReport({ ...nothing, failures: [] })).toContain('Nothing was measured.')
})

test('the report in this repository is what comes of the figures beside it (else: pnpm bench:scale --report)', async () => {
  const folder = join(import.meta.dirname, '..', '..')
  const figures = await readFile(join(folder, 'scale-benchmarks.json'), 'utf8')

  const text = makeScaleReport(parseKept(figures, scaleLists))

  expect(text).toBe(await readFile(join(folder, 'SCALE-BENCHMARKS.md'), 'utf8'))
})

function figure(part: ScalePart, blobs: number, measure: string, value: number): ScaleFigure & OfRun {
  return { run, part, subject: 'caskade sqlite', blobs, measure, value }
}
