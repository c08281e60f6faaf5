import { expect, test } from 'vitest'
import { makeScaleReport } from './report.ts'
import type { ScaleReport } from './report.ts'
import type { ScaleFigure, ScalePart } from './scale-run.ts'
import { quickScaleEffort } from './scale-run.ts'
import { scaleSubjects } from './scale-subject.ts'

const report: ScaleReport = {
  subjects: scaleSubjects.map(({ kind }) => ({ kind, version: '1.2.3' })),
  missing: [],
  failures: ['caskade fs: it ended'],
  figures: [
    figure('start-up', 100_000, 'after a kill, ms', 200),
    figure('start-up', 1_000_000, 'after a kill, ms', 300),
    figure('start-up', 5_000_000, 'after a kill, ms', 900),
    figure('memory', 100_000, 'idle, MiB', 100),
    figure('memory', 1_000_000, 'idle, MiB', 190),
  ],
  fullDisks: [
    {
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
  command: 'pnpm bench:scale',
  date: new Date(0),
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

  expect(text).toContain('- Failed: caskade fs: it ended.')
  expect(text).toMatch(
    /\| caskade sqlite +\| 507 the disk is full +\| +1200 \| +1200 \| +1001 \| +4000 \| +0 \| +12 \|/,
  )
  expect(text).toMatch(/## Eviction\n\n[^\n]+\n\nNot measured\./)
  expect(text).not.toMatch(/undefined|NaN/)
})

function figure(part: ScalePart, blobs: number, measure: string, value: number): ScaleFigure {
  return { part, subject: 'caskade sqlite', blobs, measure, value }
}
