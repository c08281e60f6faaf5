import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseKept } from '../bench/kept-file.ts'
import { benchRun } from '../bench/kept-runs.fixture.ts'
import { serverLists } from './kept-cases.ts'
import { makeServerReport, serverSummary } from './report.ts'
import type { ServerCaseResult, SubjectFigures } from './run-case.ts'
import { quickServerEffort } from './server-case.ts'
import { subjectKinds } from './subjects.ts'

const result: ServerCaseResult = {
  operation: 'FindMissingBlobs of 1,000',
  inFlight: 1,
  contentBytes: 0,
  failures: [{ subject: 'buildgrid', message: '1 request failed' }],
  figures: [figures('caskade fs', 30), figures('bazel-remote', 40), figures('reference in Go', 10)],
}

test('a report has the ratios to each peer, and marks those above their target', () => {
  const run = benchRun('pnpm bench:server', {
    servers: subjectKinds.map(({ name, conduct }) => ({ name, version: '1.2.3', conduct })),
    missing: ['nginx: it is not installed'],
  })

  const report = makeServerReport({ results: [{ ...result, run }], effort: quickServerEffort, seed: 1 })

  expect(report).toContain('Made by `pnpm bench:server` on 2026-01-02. Do not edit')
  expect(report).toMatch(/\| buildgrid +\| 1\.2\.3 +\|/)
  expect(report).toContain('- Not measured: nginx: it is not installed.')
  expect(report).toMatch(/\| FindMissingBlobs of 1,000 +\| +<= 0\.7 \| +\*\*0\.75\*\* \|/)
  expect(report).toMatch(/\| FindMissingBlobs of 1,000 +\| +<= 0\.7 \| +\*\*3\*\* \|/)
  expect(report).toMatch(/\| FindMissingBlobs of 1,000 +\| +1 \| +0\.75 \|/)
  expect(report).toContain('- FindMissingBlobs of 1,000, 1 in flight: buildgrid: 1 request failed')
  expect(report).not.toContain('undefined')
})

test('the report in this repository is what comes of the figures beside it (else: pnpm bench:server --report)', async () => {
  const folder = join(import.meta.dirname, '..', '..')
  const figuresText = await readFile(join(folder, 'server-benchmarks.json'), 'utf8')

  const report = makeServerReport(parseKept(figuresText, serverLists))

  expect(report).toBe(await readFile(join(folder, 'SERVER-BENCHMARKS.md'), 'utf8'))
})

test('a summary names what every server took', () => {
  expect(serverSummary(result)).toBe(
    'FindMissingBlobs of 1,000, 1 in flight: caskade fs 30, bazel-remote 40, reference in Go 10 µs of CPU',
  )
})

function figures(subject: string, cpuUs: number): SubjectFigures {
  return {
    subject,
    cpuUs,
    requestsPerSecond: 100,
    p50Us: 1,
    p99Us: 2,
    peakMemoryBytes: 1024 ** 2,
    cpuUsByRound: [cpuUs, cpuUs, cpuUs],
  }
}
