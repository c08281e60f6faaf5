// Measures our backends beside what else a program would use: `pnpm bench --help`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseBenchArguments, usage } from './bench/arguments.ts'
import type { BenchCase } from './bench/cases.ts'
import { fullEffort, quickEffort } from './bench/cases.ts'
import { describeMachine } from './bench/machine.ts'
import { reportedCommand } from './bench/shared-arguments.ts'
import type { ContestResult } from './bench/report.ts'
import { makeReport } from './bench/report.ts'
import type { CaseResult, RunOptions } from './bench/run-case.ts'
import { runCase } from './bench/run-case.ts'
import type { Contest } from './bench/subject.ts'
import { figuresTable, summary } from './bench/tables.ts'

const REPORT = join(import.meta.dirname, '..', 'BENCHMARKS.md')

const words = process.argv.slice(2)
const { help, quick, write, seed, directory, selected } = parseBenchArguments(words)
if (help) process.stdout.write(usage)
else await main()

async function main(): Promise<void> {
  const effort = quick ? quickEffort : fullEffort
  const folder = await mkdtemp(join(directory, 'caskade-bench-'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void abandon(folder))
  try {
    process.stdout.write(`${describeMachine()}; seed ${seed}\n`)
    const options = { effort, seed, directory: folder }
    const measured: ContestResult[] = []
    for (const { contest, cases } of selected) {
      measured.push({ contest, results: await measure(contest, cases, options) })
      if (write) await writeReport(measured, options)
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What is stored may be gigabytes: it goes even when the measuring is broken off. */
async function abandon(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(130)
}

async function measure(contest: Contest, cases: readonly BenchCase[], options: RunOptions): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  for (const benchCase of cases) {
    const result = await runCase(contest, benchCase, options)
    process.stderr.write(`${summary(result)}\n`)
    results.push(result)
  }
  if (results.length > 0) process.stdout.write(`\n${contest.backend}\n\n${figuresTable(results)}\n`)
  return results
}

async function writeReport(measured: readonly ContestResult[], options: RunOptions): Promise<void> {
  const command = reportedCommand('pnpm bench', words)
  await writeFile(REPORT, makeReport(measured, { ...options, command, date: new Date() }))
  process.stdout.write(`\nwrote ${REPORT}; now format it: pnpm fix\n`)
}
