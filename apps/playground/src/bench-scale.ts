// Measures how the server does with millions of blobs: `pnpm bench:scale --help`.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { formatFigure } from './bench/format.ts'
import { assertSameSettings, ReportFiles } from './bench/kept-file.ts'
import type { BenchRun, OfRun } from './bench/kept-runs.ts'
import { describeMachine } from './bench/machine.ts'
import { reportedCommand } from './bench/shared-arguments.ts'
import { parseScaleBenchArguments, scaleBenchUsage } from './bench-scale/arguments.ts'
import { BlobSeries } from './bench-scale/blob-series.ts'
import { measureEviction } from './bench-scale/eviction.ts'
import { FreshBlobs } from './bench-scale/fresh-blobs.ts'
import type { FullDiskResult } from './bench-scale/full-disk.ts'
import { measureFullDisk } from './bench-scale/full-disk.ts'
import { mergeScaleReports, scaleLists } from './bench-scale/kept-figures.ts'
import type { StoreOptions } from './bench-scale/measure-store.ts'
import { measureStore } from './bench-scale/measure-store.ts'
import type { ScaleReport } from './bench-scale/report.ts'
import { makeScaleReport } from './bench-scale/report.ts'
import type { ScaleAttempt, ScaleFailure, ScaleFigure, ScaleRun } from './bench-scale/scale-run.ts'
import type { ScaleSubject } from './bench-scale/scale-subject.ts'
import { installSubjects } from './bench-server/install.ts'
import { LoadGenerator } from './bench-server/load.ts'
import { endAllSubjects } from './bench-server/subject.ts'

const PLAYGROUND = join(import.meta.dirname, '..')
const files = new ReportFiles({
  reportPath: join(PLAYGROUND, 'SCALE-BENCHMARKS.md'),
  figuresPath: join(PLAYGROUND, 'scale-benchmarks.json'),
  lists: scaleLists,
  makeReport: makeScaleReport,
})

const words = process.argv.slice(2)
const { help, report, subjects: wanted, ...asked } = parseScaleBenchArguments(words)
const { write, isNarrowed, seed, effort, directory, keep, blobs, parts } = asked
if (help) process.stdout.write(scaleBenchUsage)
else if (report) await files.writeAnew()
else await main()

async function main(): Promise<void> {
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop(stopping))
  const folder = await mkdtemp(join(directory, 'caskade-bench-scale-'))
  try {
    await measure(folder, stopping.signal)
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    process.exitCode = 130
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Everything then fails, one after the other, and cleans up behind itself. */
function stop(stopping: AbortController): void {
  process.stderr.write('stopping; removing what was stored may take a while\n')
  stopping.abort()
  endAllSubjects()
}

async function measure(folder: string, signal: AbortSignal): Promise<void> {
  process.stdout.write(`${describeMachine()}; seed ${seed}\n`)
  const kept = write && isNarrowed ? await files.read() : undefined
  if (kept !== undefined) assertSameSettings(kept, { seed, effort })
  const load = await LoadGenerator.build(folder)
  const installed = await installSubjects(
    wanted.map(({ kind }) => kind),
    folder,
  )
  const subjects = wanted.filter(({ kind }) => installed.subjects.some((found) => found.kind === kind))
  const benchRun: BenchRun = {
    command: reportedCommand('pnpm bench:scale', words),
    date: new Date().toISOString(),
    machine: describeMachine(),
    servers: installed.subjects.map(({ kind: { name, conduct }, version }) => ({ name, version, conduct })),
    missing: installed.missing,
  }
  const figures: (ScaleFigure & OfRun)[] = []
  const fullDisks: (FullDiskResult & OfRun)[] = []
  const failures: (ScaleFailure & OfRun)[] = []
  const attempted: ScaleAttempt[] = []
  const series = new BlobSeries(seed)
  const fresh = new FreshBlobs(series)
  const note = (figure: ScaleFigure): void => {
    figures.push({ ...figure, run: benchRun })
    const { subject, measure: what, value } = figure
    process.stderr.write(`${subject}, ${figure.blobs.toLocaleString('en')}: ${what}: ${formatFigure(value)}\n`)
  }
  const run: ScaleRun = { series, seed, effort, load, folder, signal, note }
  const anew: ScaleReport = { figures, fullDisks, failures, effort, seed }
  const attempt = async (what: ScaleAttempt, measurePart: () => Promise<void>): Promise<void> => {
    signal.throwIfAborted()
    attempted.push(what)
    try {
      await measurePart()
    } catch (error) {
      signal.throwIfAborted()
      failures.push({ ...what, message: messageOf(error), run: benchRun })
      process.stderr.write(
        `${what.of}: ${what.parts.join(', ')}: ${error instanceof Error ? error.stack : String(error)}\n`,
      )
      process.exitCode = 1
    }
    if (write) await files.write(kept === undefined ? anew : mergeScaleReports(kept, anew, attempted))
  }

  for (const store of new Set(subjects.map((subject) => subject.store))) {
    const sharing = subjects.filter((subject) => subject.store === store)
    const isNeeded = parts.some((part) => part !== 'eviction' && part !== 'full-disk')
    for (const count of isNeeded ? blobs : []) {
      const path = join(keep ?? folder, `${store.name}-${count}`)
      await mkdir(path, { recursive: true })
      await attempt({ of: `${store.name}, ${count.toLocaleString('en')} blobs`, parts: ['fill'] }, () =>
        measureStore({
          ...run,
          store,
          subjects: sharing,
          parts,
          blobs: count,
          fresh,
          path,
          isKept: keep !== undefined,
          attempt,
        }),
      )
    }
  }
  const ours = subjects.filter(({ kind }) => kind.isOurs)
  if (parts.includes('eviction')) await measureEvictions(run, ours, fresh, attempt)
  for (const subject of parts.includes('full-disk') ? ours : []) {
    await attempt({ of: subject.kind.name, parts: ['full-disk'] }, async () => {
      const result = await measureFullDisk(subject, run)
      if (result !== undefined) fullDisks.push({ ...result, run: benchRun })
    })
  }
  if (!write) process.stdout.write(makeScaleReport(anew))
}

async function measureEvictions(
  run: ScaleRun,
  subjects: readonly ScaleSubject[],
  fresh: FreshBlobs,
  attempt: StoreOptions['attempt'],
): Promise<void> {
  for (const count of blobs.filter((some) => some <= effort.maxEvictionBlobs)) {
    for (const subject of subjects) {
      await attempt({ of: `${subject.kind.name}, ${count.toLocaleString('en')} blobs`, parts: ['eviction'] }, () =>
        measureEviction({ ...run, subject, blobs: count, fresh }),
      )
    }
  }
}

/** In one line: the first of the message, and of what caused it. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [line = ''] = error.message.split('\n')
  return error.cause === undefined ? line : `${line}: ${messageOf(error.cause)}`
}
