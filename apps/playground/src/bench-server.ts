// Measures the server beside those that people use instead: `pnpm bench:server --help`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMachine } from './bench/machine.ts'
import { parseServerBenchArguments, serverBenchUsage } from './bench-server/arguments.ts'
import { installSubjects } from './bench-server/install.ts'
import { LoadGenerator } from './bench-server/load.ts'
import type { ServerReport } from './bench-server/report.ts'
import { makeServerReport, serverSummary } from './bench-server/report.ts'
import type { ServerCaseResult } from './bench-server/run-case.ts'
import { runServerCase } from './bench-server/run-case.ts'
import { fullServerEffort, quickServerEffort } from './bench-server/server-case.ts'
import { endAllSubjects } from './bench-server/subject.ts'

const PLAYGROUND = join(import.meta.dirname, '..')

const words = process.argv.slice(2)
const { help, quick, write, seed, directory, cases, kinds } = parseServerBenchArguments(words)
if (help) process.stdout.write(serverBenchUsage)
else await main()

async function main(): Promise<void> {
  const folder = await mkdtemp(join(directory, 'caskade-bench-server-'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void abandon(folder))
  try {
    process.stdout.write(`${describeMachine()}; seed ${seed}\n`)
    const load = await LoadGenerator.build(folder)
    const { subjects, missing } = await installSubjects(kinds)
    const effort = quick ? quickServerEffort : fullServerEffort
    const results: ServerCaseResult[] = []
    const command = ['pnpm bench:server', ...words.filter((word) => word !== '--')].join(' ')
    for (const serverCase of cases) {
      const result = await runServerCase(
        serverCase,
        subjects.map(({ kind }) => kind),
        { effort, seed, folder, load },
      )
      process.stderr.write(`${serverSummary(result)}\n`)
      results.push(result)
      if (write) await writeReport({ subjects, missing, results, effort, seed, command, date: new Date() })
    }
    if (!write) {
      process.stdout.write(makeServerReport({ subjects, missing, results, effort, seed, command, date: new Date() }))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Leaves neither servers nor gigabytes behind when the measuring is broken off. */
async function abandon(folder: string): Promise<void> {
  endAllSubjects()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(130)
}

async function writeReport(report: ServerReport): Promise<void> {
  await writeFile(join(PLAYGROUND, 'SERVER-BENCHMARKS.md'), makeServerReport(report))
  const { results, subjects, missing, effort, command, date } = report
  const servers = subjects.map(({ kind, version }) => ({ name: kind.name, version }))
  const data = { command, date, machine: describeMachine(), seed, effort, servers, missing, results }
  await writeFile(join(PLAYGROUND, 'server-benchmarks.json'), `${JSON.stringify(data, undefined, 2)}\n`)
}
