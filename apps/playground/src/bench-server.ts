// Measures the server beside those that people use instead: `pnpm bench:server --help`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { assertSameSettings, ReportFiles } from './bench/kept-file.ts'
import type { OfRun } from './bench/kept-runs.ts'
import { describeMachine } from './bench/machine.ts'
import { reportedCommand } from './bench/shared-arguments.ts'
import { parseServerBenchArguments, serverBenchUsage } from './bench-server/arguments.ts'
import { installSubjects } from './bench-server/install.ts'
import { assertNoServerIsLost, mergeServerReports, serverLists } from './bench-server/kept-cases.ts'
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
import { subjectKinds } from './bench-server/subjects.ts'

const PLAYGROUND = join(import.meta.dirname, '..')
const files = new ReportFiles({
  reportPath: join(PLAYGROUND, 'SERVER-BENCHMARKS.md'),
  figuresPath: join(PLAYGROUND, 'server-benchmarks.json'),
  lists: serverLists,
  makeReport: makeServerReport,
})

const words = process.argv.slice(2)
const { help, quick, write, report, isNarrowed, profile, seed, directory, cases, kinds } =
  parseServerBenchArguments(words)
const effort = quick ? quickServerEffort : fullServerEffort
const called = reportedCommand('pnpm bench:server', words)
if (help) process.stdout.write(serverBenchUsage)
else if (report) await files.writeAnew()
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
  const kept = write && isNarrowed ? await files.read() : undefined
  if (kept !== undefined) assertSameSettings(kept, { seed, effort })
  const { subjects, missing } = await installSubjects(kinds)
  const installed = subjects.map(({ kind }) => kind)
  if (kept !== undefined) assertNoServerIsLost(kept, cases, installed, subjectKinds)
  const servers = subjects.map(({ kind: { name, conduct }, version }) => ({ name, version, conduct }))
  const run = { command: called, date: new Date().toISOString(), machine: describeMachine(), servers, missing }
  const results: (ServerCaseResult & OfRun)[] = []
  const anew: ServerReport = { results, effort, seed }
  for (const serverCase of cases) {
    const result = await runServerCase(serverCase, installed, options)
    process.stderr.write(`${serverSummary(result)}\n`)
    results.push({ ...result, run })
    if (write) await files.write(kept === undefined ? anew : mergeServerReports(kept, anew))
  }
  if (!write) process.stdout.write(makeServerReport(anew))
}

async function profileAll(options: ServerRunOptions): Promise<void> {
  const profiles: CaseProfile[] = []
  for (const serverCase of cases) {
    for (const kind of kinds) {
      profiles.push(await profileCase(serverCase, kind, options))
      process.stderr.write(`${serverCase.operation}, ${serverCase.inFlight} in flight: ${kind.name}\n`)
    }
  }
  const made = makeProfileReport({ profiles, seed, command: called, date: new Date() })
  if (write) await writeFile(join(PLAYGROUND, 'SERVER-PROFILES.md'), made)
  else process.stdout.write(made)
}

/** Leaves neither servers nor gigabytes behind when the measuring is broken off. */
async function abandon(folder: string): Promise<void> {
  endAllSubjects()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit(130)
}
