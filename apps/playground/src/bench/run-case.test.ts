import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contests } from './contests.ts'
import { makeReport } from './report.ts'
import { runCase } from './run-case.ts'
import type { Contest } from './subject.ts'

const effort = { rounds: 2, roundMs: 1, roundBytes: 4096 }
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-bench-test-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test('measures all subjects of a case, each in a process of its own, and leaves nothing behind', async () => {
  const contest = contestOf('memory')

  const result = await runCase(contest, caseOf('put-verified'), { effort, seed: 1, directory })

  const names = [contest.ours, ...contest.peers].map(({ name }) => name)
  expect(result.figures.map(({ subject }) => subject)).toEqual(names)
  for (const { cpuUs, wallUs } of result.figures) {
    expect(cpuUs).toBeGreaterThan(0)
    expect(wallUs).toBeGreaterThan(0)
  }
  expect(result.figures.map(({ cpuRatio }) => cpuRatio === undefined)).toEqual([true, false, false])
  expect(readdirSync(directory)).toEqual([])
})

test('leaves out those that cannot do a thing', async () => {
  const contest = contestOf('memory')

  const result = await runCase(contest, caseOf('stream'), { effort, seed: 1, directory })

  expect(result.figures.map(({ subject }) => subject)).toEqual([contest.ours.name])
})

test('fails with those who fail, and leaves nothing behind', async () => {
  const ours = { ...contestOf('memory').ours, name: 'nobody knows' }

  const running = runCase({ ...contestOf('memory'), ours }, caseOf('get'), { effort, seed: 1, directory })

  await expect(running).rejects.toThrow('nobody knows: its process ended with 1')
})

test('makeReport: says with what the figures were measured, and all of them', async () => {
  const contest = contestOf('memory')
  const result = await runCase(contest, caseOf('has'), { effort, seed: 1, directory })

  const options = { effort, seed: 7, command: 'pnpm bench --only has', date: new Date('2026-01-02') }
  const report = makeReport([{ contest, results: [result] }], options)

  expect(report).toContain('Made by `pnpm bench --only has` on 2026-01-02.')
  expect(report).toContain(`Node.js ${process.versions.node}`)
  expect(report).toMatch(/Versions: lru-cache \d+\.\d+\.\d+, keyv \d+\.\d+\.\d+/)
  expect(report).toContain('Seed: 7')
  for (const { name, conduct } of [contest.ours, ...contest.peers]) expect(report).toContain(`| ${name} | ${conduct} |`)
})

function contestOf(backend: string): Contest {
  const contest = contests.find((candidate) => candidate.backend === backend)
  if (contest === undefined) throw new RangeError(`there is no ${backend}`)
  return contest
}

function caseOf(operation: string): { backend: string; operation: string; sizeBytes: number; concurrency: number } {
  return { backend: 'memory', operation, sizeBytes: 1024, concurrency: 1 }
}
