// Measures how the server does with millions of blobs: `pnpm bench:scale --help`.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatFigure } from './bench/format.ts'
import { describeMachine } from './bench/machine.ts'
import { reportedCommand } from './bench/shared-arguments.ts'
import { parseScaleBenchArguments, scaleBenchUsage } from './bench-scale/arguments.ts'
import { BlobSeries } from './bench-scale/blob-series.ts'
import { measureEviction } from './bench-scale/eviction.ts'
import { FreshBlobs } from './bench-scale/fresh-blobs.ts'
import type { FullDiskResult } from './bench-scale/full-disk.ts'
import { measureFullDisk } from './bench-scale/full-disk.ts'
import { measureStore } from './bench-scale/measure-store.ts'
import type { ScaleReport } from './bench-scale/report.ts'
import { makeScaleReport } from './bench-scale/report.ts'
import type { ScaleFigure, ScaleRun } from './bench-scale/scale-run.ts'
import type { ScaleSubject } from './bench-scale/scale-subject.ts'
import { installSubjects } from './bench-server/install.ts'
import { LoadGenerator } from './bench-server/load.ts'
import { endAllSubjects } from './bench-server/subject.ts'

const PLAYGROUND = join(import.meta.dirname, '..')

const words = process.argv.slice(2)
const { help, write, seed, effort, directory, keep, blobs, parts, subjects: wanted } = parseScaleBenchArguments(words)
if (help) process.stdout.write(scaleBenchUsage)
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
  const load = await LoadGenerator.build(folder)
  const installed = await installSubjects(
    wanted.map(({ kind }) => kind),
    folder,
  )
  const subjects = wanted.filter(({ kind }) => installed.subjects.some((found) => found.kind === kind))
  const figures: ScaleFigure[] = []
  const fullDisks: FullDiskResult[] = []
  const failures: string[] = []
  const series = new BlobSeries(seed)
  const fresh = new FreshBlobs(series)
  const note = (figure: ScaleFigure): void => {
    figures.push(figure)
    const { subject, measure: what, value } = figure
    process.stderr.write(`${subject}, ${figure.blobs.toLocaleString('en')}: ${what}: ${formatFigure(value)}\n`)
  }
  const run: ScaleRun = { series, seed, effort, load, folder, signal, note }
  const command = reportedCommand('pnpm bench:scale', words)
  const report = (): ScaleReport => ({
    ...installed,
    figures,
    fullDisks,
    failures,
    effort,
    seed,
    command,
    date: new Date(),
  })
  const attempt = async (name: string, part: () => Promise<void>): Promise<void> => {
    signal.throwIfAborted()
    try {
      await part()
    } catch (error) {
      signal.throwIfAborted()
      failures.push(`${name}: ${messageOf(error)}`)
      process.stderr.write(`${name}: ${error instanceof Error ? error.stack : String(error)}\n`)
      process.exitCode = 1
    }
    if (write) await writeReport(report())
  }

  for (const store of new Set(subjects.map((subject) => subject.store))) {
    const sharing = subjects.filter((subject) => subject.store === store)
    const isNeeded = parts.some((part) => part !== 'eviction' && part !== 'full-disk')
    for (const count of isNeeded ? blobs : []) {
      const path = join(keep ?? folder, `${store.name}-${count}`)
      await mkdir(path, { recursive: true })
      await attempt(`${store.name}, ${count} blobs`, () =>
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
    await attempt(`${subject.kind.name}: full disk`, async () => {
      const result = await measureFullDisk(subject, run)
      if (result !== undefined) fullDisks.push(result)
    })
  }
  if (!write) process.stdout.write(makeScaleReport(report()))
}

async function measureEvictions(
  run: ScaleRun,
  subjects: readonly ScaleSubject[],
  fresh: FreshBlobs,
  attempt: (name: string, part: () => Promise<void>) => Promise<void>,
): Promise<void> {
  for (const count of blobs.filter((some) => some <= effort.maxEvictionBlobs)) {
    for (const subject of subjects) {
      await attempt(`${subject.kind.name}, ${count.toLocaleString('en')} blobs: eviction`, () =>
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

async function writeReport(report: ScaleReport): Promise<void> {
  await writeFile(join(PLAYGROUND, 'SCALE-BENCHMARKS.md'), makeScaleReport(report))
  const { subjects, ...rest } = report
  const servers = subjects.map(({ kind, version }) => ({ name: kind.name, version }))
  const data = { ...rest, machine: describeMachine(), servers }
  await writeFile(join(PLAYGROUND, 'scale-benchmarks.json'), `${JSON.stringify(data, undefined, 2)}\n`)
}
