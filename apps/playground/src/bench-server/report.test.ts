import { expect, test } from 'vitest'
import { makeServerReport, serverSummary } from './report.ts'
import type { ServerCaseResult, SubjectFigures } from './run-case.ts'
import { quickServerEffort } from './server-case.ts'
import { subjectKinds } from './subjects.ts'

const result: ServerCaseResult = {
  operation: 'FindMissingBlobs of 1,000',
  inFlight: 1,
  contentBytes: 0,
  failures: ['buildgrid: 1 request failed'],
  figures: [figures('caskade fs', 30), figures('bazel-remote', 40), figures('reference in Go', 10)],
}

test('a report has the ratios to each peer, and marks those above their target', () => {
  const report = makeServerReport({
    subjects: subjectKinds.map((kind) => ({ kind, version: '1.2.3' })),
    missing: ['nginx: it is not installed'],
    results: [result],
    effort: quickServerEffort,
    seed: 1,
    command: 'pnpm bench:server',
    date: new Date(0),
  })

  expect(report).toContain('- Not measured: nginx: it is not installed.')
  expect(report).toMatch(/\| FindMissingBlobs of 1,000 +\| +<= 0\.7 \| +\*\*0\.75\*\* \|/)
  expect(report).toMatch(/\| FindMissingBlobs of 1,000 +\| +<= 0\.7 \| +\*\*3\*\* \|/)
  expect(report).toMatch(/\| FindMissingBlobs of 1,000 +\| +1 \| +0\.75 \|/)
  expect(report).toContain('- FindMissingBlobs of 1,000, 1 in flight: buildgrid: 1 request failed')
  expect(report).not.toContain('undefined')
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
