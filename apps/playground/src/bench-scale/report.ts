import { formatFigure, formatTable } from '../bench/format.ts'
import type { OfRun } from '../bench/kept-runs.ts'
import { describeRun, machinesOf, madeBy, missingLines, runsOf, serverRows } from '../bench/kept-runs.ts'
import type { FullDiskResult } from './full-disk.ts'
import { howItGrows } from './how-it-grows.ts'
import type { ScaleEffort, ScaleFailure, ScaleFigure, ScalePart } from './scale-run.ts'
import { scaleSubjects } from './scale-subject.ts'

/** What a report is made of. */
export interface ScaleReport {
  readonly figures: readonly (ScaleFigure & OfRun)[]
  readonly fullDisks: readonly (FullDiskResult & OfRun)[]
  readonly failures: readonly (ScaleFailure & OfRun)[]
  readonly effort: ScaleEffort
  readonly seed: number
}

const TITLE = '# Benchmarks with millions of blobs'

const NAMES = scaleSubjects.map(({ kind }) => kind.name)

/** Writes up what was measured, as the content of SCALE-BENCHMARKS.md. */
export function makeScaleReport(report: ScaleReport): string {
  const { figures, fullDisks, failures, effort, seed } = report
  const measured = [...figures, ...fullDisks]
  const runs = runsOf(measured.length === 0 ? failures : measured)
  if (runs.length === 0) return `${TITLE}\n\nNothing was measured.\n`
  return `${TITLE}

${madeBy(runs)}. Do not edit: run it.

- Machine: ${machinesOf(runs)}. It is shared and noisy: other work went on meanwhile. CPU time and memory are what counts; wall times are not comparable between runs.
${[`- Seed: ${seed}.`, ...missingLines(runs), ...failures.map(failureLine)].join('\n')}

## How it is measured

- A store is filled through the backend itself, without the server, as it would be after an hour of nothing: blobs of about 1 KiB (log-normal, half of them between 0.7 and 1.4 KiB), and for every 50 of them a result of an action with three outputs and a log. Nothing is synced meanwhile; the disk is told to sync at the end. Servers with the same kind of store have the same one, one after the other.
- Requests are about blobs at random places of the whole store, and none is sent twice: nothing is hot. They come from a program in Go on the same machine, 16 under way at a time.
- **Start** is from the start of the process to the first answer to an HTTP GET of a blob, the median of ${effort.starts}. For starts with nothing in the page cache the whole system was told to forget what it has read, the program included. A kill is SIGKILL while blobs are being stored.
- **CPU** is user and system time of all threads of the server. Of an operation it is the median of ${effort.rounds} rounds, what is done in the background meanwhile included.
- **Memory** is what is resident, the program itself included.
- × is what comes of ten, or five, times as many blobs.

${formatTable([['server', 'version', 'what it does'], ...serverRows(measured, NAMES)], 3)}

## How it grows, and why

${howItGrows}

## Start

${growthTable(figures, 'start-up')}

## Memory

${growthTable(figures, 'memory')}

For each further million blobs, between the smallest and the largest store:

${perMillionTable(figures)}

## Operations

For one request.

${growthTable(figures, 'operations')}

## Eviction

A store that is full to its quota, of what was last used an hour ago; a tenth as many blobs are written with HTTP PUT, 16 at a time, first alone and then beside 4 readers of 2,000 blobs. Everything that is read or written is within its lease and must still be there in the end. CPU is that of writing alone, up to when the server is quiet again.

${growthTable(figures, 'eviction')}

## A full disk

A disk of 192 MiB and a quota of 1 GiB: blobs of 1 KiB and of 100 KiB are written until some are refused, then 1,000 more while 4,000 are read.

${fullDiskTable(fullDisks)}
`
}

function failureLine({ of, parts, message, run }: ScaleFailure & OfRun): string {
  return `- Failed, by ${describeRun(run)}: ${of}: ${parts.join(', ')}: ${message}.`
}

/** A row for each measure of each server, a column for each size, and how much it grew from the size before. */
function growthTable(all: readonly ScaleFigure[], part: ScalePart): string {
  const figures = all.filter((figure) => figure.part === part)
  if (figures.length === 0) return 'Not measured.'
  const sizes = sizesOf(figures)
  const head = [
    'server',
    'measure',
    ...sizes.map((size) => size.toLocaleString('en')),
    ...sizes.slice(1).map((size) => `× at ${size.toLocaleString('en')}`),
  ]
  const rows = subjectsOf(figures).flatMap((subject) => {
    const own = figures.filter((figure) => figure.subject === subject)
    return [...new Set(own.map(({ measure }) => measure))].map((measure, index) => {
      const values = sizes.map(
        (size) => own.find((figure) => figure.measure === measure && figure.blobs === size)?.value,
      )
      const growth = values.slice(1).map((value, at) => (value ?? Number.NaN) / (values[at] ?? Number.NaN))
      return [index === 0 ? subject : '', measure, ...values.map(formatValue), ...growth.map(formatFigure)]
    })
  })
  return formatTable([head, ...rows], 2)
}

function perMillionTable(all: readonly ScaleFigure[]): string {
  const figures = all.filter(({ part, measure }) => part === 'memory' && measure.endsWith(', MiB'))
  const sizes = sizesOf(figures)
  const [least = Number.NaN] = sizes
  const most = sizes.at(-1) ?? Number.NaN
  if (sizes.length < 2) return 'Not measured.'
  const measures = [...new Set(figures.map(({ measure }) => measure))]
  const rows = subjectsOf(figures).map((subject) => [
    subject,
    ...measures.map((measure) => {
      const at = (blobs: number): number =>
        figures.find((figure) => figure.subject === subject && figure.measure === measure && figure.blobs === blobs)
          ?.value ?? Number.NaN
      return formatFigure(((at(most) - at(least)) / (most - least)) * 1e6)
    }),
  ])
  return formatTable([['server', ...measures], ...rows], 1)
}

function fullDiskTable(results: readonly FullDiskResult[]): string {
  if (results.length === 0) return 'Not measured: no small disk could be mounted, or it was not asked for.'
  const head = [
    'server',
    'refused with',
    'acknowledged',
    'of them readable',
    'refused',
    'reads meanwhile',
    'failed',
    'p99 ms',
  ]
  const rows = results.map((result) => [
    result.subject,
    result.refusal,
    ...[result.acknowledged, result.readable, result.refused, result.readsMeanwhile, result.failedReads].map(String),
    formatFigure(result.readP99Ms),
  ])
  return formatTable([head, ...rows], 2)
}

function sizesOf(figures: readonly ScaleFigure[]): number[] {
  return [...new Set(figures.map(({ blobs }) => blobs))].toSorted((left, right) => left - right)
}

function subjectsOf(figures: readonly ScaleFigure[]): string[] {
  return [...new Set(figures.map(({ subject }) => subject))]
}

function formatValue(value: number | undefined): string {
  return value === undefined ? '-' : formatFigure(value)
}
