import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { KeptReport } from './kept-file.ts'
import { assertSameSettings, formatKept, parseKept, readKept } from './kept-file.ts'
import { benchRun } from './kept-runs.fixture.ts'
import type { OfRun } from './kept-runs.ts'

interface Report extends KeptReport<'figures' | 'failures'> {
  readonly figures: readonly (OfRun & { readonly value: number })[]
}

const LISTS = ['figures', 'failures'] as const

const first = benchRun('first')
const second = benchRun('second', { date: '2026-01-03' })
const report: Report = {
  seed: 1,
  effort: { rounds: 5 },
  figures: [
    { run: second, value: 1 },
    { run: first, value: 2 },
    { run: second, value: 3 },
  ],
  failures: [],
}

test('a report is read as it was written, with each run there once', () => {
  const text = formatKept(report, LISTS)
  const read: Report = parseKept(text, LISTS)

  expect(read).toEqual(report)
  expect(read.figures[0]?.run).toBe(read.figures[2]?.run)
  expect(text.match(/"command"/g)).toHaveLength(2)
})

test('a run of which nothing is there any more is not written', () => {
  const text = formatKept({ ...report, figures: report.figures.filter(({ run }) => run === second) }, LISTS)

  expect(text).not.toContain('"first"')
})

test('where no file is, nothing was measured', async () => {
  const path = join(await temporaryFolder(), 'figures.json')

  expect(await readKept(path, LISTS)).toBeUndefined()
})

test.each([
  ['an older shape', JSON.stringify({ command: 'bench', figures: [], failures: [] })],
  ['a newer shape', formatKept(report, LISTS).replace('"format": 1', '"format": 2')],
  ['a run that is not there', formatKept(report, LISTS).replace('"run": 1', '"run": 7')],
  ['no JSON', '{'],
  ['a list less', formatKept(report, ['figures'])],
])('a file with %s is refused, with what to do', async (_what, text) => {
  const path = join(await temporaryFolder(), 'figures.json')
  await writeFile(path, text)

  await expect(readKept(path, LISTS)).rejects.toThrow(/figures\.json: .* without an option that narrows, or delete/)
})

test('figures of other content or other rounds do not stand beside those that are there', () => {
  expect(() => assertSameSettings(report, { seed: 1, effort: { rounds: 5 } })).not.toThrow()
  expect(() => assertSameSettings(report, { seed: 2, effort: { rounds: 5 } })).toThrow('is of seed 1')
  expect(() => assertSameSettings(report, { seed: 1, effort: { rounds: 3 } })).toThrow('--quick')
})

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caskade-kept-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}
