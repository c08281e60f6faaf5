import { expect, test } from 'vitest'
import { benchRun } from '../bench/kept-runs.fixture.ts'
import type { BenchRun, OfRun } from '../bench/kept-runs.ts'
import { serverCases } from './cases.ts'
import { assertNoServerIsLost, mergeServerReports } from './kept-cases.ts'
import type { ServerReport } from './report.ts'
import { makeServerReport } from './report.ts'
import type { ServerCaseResult } from './run-case.ts'
import { quickServerEffort } from './server-case.ts'
import type { SubjectKind } from './subject.ts'
import { subjectKinds } from './subjects.ts'

const whole = benchRun('pnpm bench:server --write')
const part = benchRun('pnpm bench:server --write --only GET', { date: '2026-01-03T00:00:00.000Z' })

const GET = 'HTTP GET of 1 KiB'
const PUT = 'HTTP PUT of 1 KiB'

test('a case is replaced with all of its servers and failures, and no other is', () => {
  const failed = { ...result(whole, GET, 1, ['caskade fs']), failures: [{ subject: 'nginx', message: 'no' }] }
  const kept = report([failed, result(whole, GET, 128, ['caskade fs']), result(whole, PUT, 1, ['caskade fs'])])
  const anew = report([result(part, GET, 1, ['caskade fs', 'nginx'])])

  const merged = mergeServerReports(kept, anew)

  expect(merged.results).toEqual([...anew.results, ...kept.results.slice(1)])
  const text = makeServerReport(merged)
  expect(text).toContain(
    'Made by `pnpm bench:server --write` on 2026-01-02, with figures of `pnpm bench:server --write --only GET` on 2026-01-03.',
  )
  expect(text).not.toContain('nginx: no')
})

test('a case is not measured anew without a server that it is there with', () => {
  const kept = report([
    result(whole, GET, 1, ['caskade fs', 'nginx']),
    result(whole, PUT, 1, ['caskade fs', 'node:http']),
  ])

  expect(() => check(kept, [GET], ['caskade fs'])).toThrow(/^--server: .* with "nginx" as well/)
  expect(() => check(kept, [PUT], ['caskade fs'])).toThrow('with "node:http" as well')
  expect(() => check(kept, [GET], ['caskade fs', 'nginx', 'node:http'])).not.toThrow()
})

test('a case is not measured anew without a server that failed in it', () => {
  const kept = report([{ ...result(whole, GET, 1, ['caskade fs']), failures: [{ subject: 'nginx', message: 'no' }] }])

  expect(() => check(kept, [GET], ['caskade fs'])).toThrow('with "nginx" as well')
})

test('a case that is not there, and one in which a server takes part no more, may be measured with any', () => {
  const kept = report([result(whole, GET, 1, ['caskade fs', 'buildgrid', 'gone'])])

  expect(() => check(kept, [GET, PUT], ['caskade fs'])).not.toThrow()
})

function check(kept: ServerReport, operations: readonly string[], names: readonly string[]): void {
  const cases = serverCases.filter(({ operation }) => operations.includes(operation))
  const kinds: readonly SubjectKind[] = subjectKinds.filter(({ name }) => names.includes(name))
  assertNoServerIsLost(kept, cases, kinds, subjectKinds)
}

function report(results: ServerReport['results']): ServerReport {
  return { results, effort: quickServerEffort, seed: 1 }
}

function result(
  run: BenchRun,
  operation: string,
  inFlight: number,
  subjects: readonly string[],
): ServerCaseResult & OfRun {
  const figures = subjects.map((subject) => ({
    subject,
    cpuUs: 1,
    requestsPerSecond: 1,
    p50Us: 1,
    p99Us: 1,
    peakMemoryBytes: 1,
    cpuUsByRound: [1],
  }))
  return { run, operation, inFlight, contentBytes: 0, figures, failures: [] }
}
