// Measures the server beside those that people use instead: `pnpm bench:server --help`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeMachine } from './bench/machine.ts'
import { reportedCommand } from './bench/shared-arguments.ts'
import { parseServerBenchArguments, serverBenchUsage } from './bench-server/arguments.ts'
import { installSubjects } from './bench-server/install.ts'
import { LoadGenerator } from './bench-server/load.ts'
import type { ServerReport } from './bench-server/report.ts'
import { makeServerReport, serverSummary } from './bench-server/report.ts'
import type { CaseProfile } from './bench-server/profile-case.ts'
import { profileCase } from './bench-server/profile-case.ts'
import { makeProfileReport } from './bench-server/profile-report.ts'
import type { ServerCaseResult, ServerRunOptions } from './bench-server/run-case.ts'
import { runServerCase } from './bench-server/run-case.ts'
import { fullServerEffort, quickServerEffort } from './bench-server/server-case.ts'
import { endAllSubjects } from './bench-server/subject.ts'

const PLAYGROUND = join(import.meta.dirname, '..')

const words = process.argv.slice(2)
const { help, quick, write, profile, seed, directory, cases, kinds } = parseServerBenchArguments(words)
const effort = quick ? quickServerEffort : fullServerEffort
const called = reportedCommand('pnpm bench:server', words)
if (help) process.stdout.write(serverBenchUsage)
else await main()

async function main(): Promise<void> {
  const folder = await mkdtemp(join(directory, 'caskade-bench-server-'))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void abandon(folder))
  try {
    process.stdout.write(`${describeMachine()}; seed ${seed}\n`)
    const options = { effort, seed, folder, load: await LoadGenerator.build(folder) }
    await (profile ? profileAll(options) : measureAll(options))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureAll(options: ServerRunOptions): Promise<void> {
  const { subjects, missing } = await installSubjects(kinds)
  const results: ServerCaseResult[] = []
  const report = (): ServerReport => ({ subjects, missing, results, effort, seed, command: called, date: new Date() })
  for (const serverCase of cases) {
    const result = await runServerCase(
      serverCase,
      subjects.map(({ kind }) => kind),
      options,
    )
    process.stderr.write(`${serverSummary(result)}\n`)
    results.push(result)
    if (write) await writeReport(report())
  }
  if (!write) process.stdout.write(makeServerReport(report()))
}

async function profileAll(options: ServerRunOptions): Promise<void> {
  const profiles: CaseProfile[] = []
  for (const serverCase of cases) {
    for (const kind of kinds) {
      profiles.push(await profileCase(serverCase, kind, options))
      process.stderr.write(`${serverCase.operation}, ${serverCase.inFlight} in flight: ${kind.name}\n`)
    }
  }
  const report = makeProfileReport({ profiles, seed, command: called, date: new Date() })
  if (write) await writeFile(join(PLAYGROUND, 'SERVER-PROFILES.md'), report)
  else process.stdout.write(report)
}

/** Leaves neither servers nor gigabytes behind when the measuring is broken off. */
async function abandon(folder: string): Promise<void> {
  endAllSubjects()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(130)
}

async function writeReport(report: ServerReport): Promise<void> {
  await writeFile(join(PLAYGROUND, 'SERVER-BENCHMARKS.md'), makeServerReport(report))
  const { subjects, ...rest } = report
  const servers = subjects.map(({ kind, version }) => ({ name: kind.name, version }))
  const data = { ...rest, machine: describeMachine(), servers }
  await writeFile(join(PLAYGROUND, 'server-benchmarks.json'), `${JSON.stringify(data, undefined, 2)}\n`)
}
