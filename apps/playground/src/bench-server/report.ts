import { formatFigure, formatTable } from '../bench/format.ts'
import type { OfRun } from '../bench/kept-runs.ts'
import { machinesOf, madeBy, missingLines, runsOf, serverRows } from '../bench/kept-runs.ts'
import type { ServerCaseResult, SubjectFigures } from './run-case.ts'
import { cpuRatio, serversOf } from './run-case.ts'
import type { ServerEffort } from './server-case.ts'
import { subjectKinds } from './subjects.ts'
import { targetOf } from './targets.ts'

/** Whom the targets are about, and who stands in for it. */
const TARGET_PEERS = ['bazel-remote', 'model of bazel-remote', 'reference in Go']
const NAMES = subjectKinds.map(({ name }) => name)
const OURS_ON_DISK = ['caskade fs', 'caskade sqlite', 'caskade memory + sqlite']

/** What a report is made of. */
export interface ServerReport {
  readonly results: readonly (ServerCaseResult & OfRun)[]
  readonly effort: ServerEffort
  readonly seed: number
}

/** Writes up what was measured, as the content of SERVER-BENCHMARKS.md. */
export function makeServerReport(report: ServerReport): string {
  const { results, effort, seed } = report
  const runs = runsOf(results)
  const measured = results.flatMap((result) => serversOf(result).map((subject) => ({ subject, run: result.run })))
  const known = subjectKinds.filter(({ name }) => hasFigures(results, name))
  const ours = known.filter(({ isOurs }) => isOurs).map(({ name }) => name)
  const peers = known.filter(({ isOurs }) => !isOurs)
  return `# Benchmarks of the server

${madeBy(runs)}. Do not edit: run it.

- Machine: ${machinesOf(runs)}. It is shared and noisy: other work went on meanwhile. CPU time, and ratios within one run, are what counts; wall times are not comparable between runs.
${[`- Seed: ${seed}.`, ...missingLines(runs)].join('\n')}

## How it is measured

Every server is a process of its own, with an empty folder for each case. All servers of a case are there at once and take turns round by round (${effort.rounds} rounds of at most ${effort.durationMs} ms, after one of ${effort.warmUpMs} ms to warm up), each with the same requests. Figures are medians of the rounds; a ratio is the median of the ratios of the rounds.

- **CPU** is user and system time of all threads and child processes of the server, from the start of a round until the others have had theirs: work in the background counts.
- **Ratio** is what Caskade takes for each unit of the peer's: below 1, Caskade takes less.
- Requests come from a program in Go on the same machine, over 127.0.0.1: gRPC over two connections with the headers that Bazel sends and messages of 16 KiB, HTTP over a connection for each request under way.
- Half of the content repeats itself, so that it compresses about as well as object files do. What is stored is new in every round; what is read was stored just before, and comes from the page cache.
- Every server may store 16 GiB, so nothing is evicted.

${formatTable([['server', 'version', 'what it does'], ...serverRows(measured, NAMES)], 3)}

## Targets

What the servers with a disk take of the CPU for each unit of bazel-remote (not compressed), which the targets are about, of the model of it, which takes the steps that its source tells of and was not compared with it, and of the reference, which does less than both. With one request under way / with many; what misses its target is in bold.

${TARGET_PEERS.filter((peer) => hasFigures(results, peer))
  .map((peer) => `### To ${peer}\n\n${targetsTable(results, peer)}\n`)
  .join('\n')}
## Ratios of CPU

${peers.map(({ name }) => ratiosSection(name, ours, results)).join('\n')}
## Figures

${figuresTable(results)}

Peers that did not answer as they should, and so have no figures:

${failuresList(results)}
`
}

function failuresList(results: readonly ServerCaseResult[]): string {
  const lines = results.flatMap(({ operation, inFlight, failures }) =>
    failures.map(({ subject, message }) => `- ${operation}, ${inFlight} in flight: ${subject}: ${message}`),
  )
  return lines.length === 0 ? '- none' : lines.join('\n')
}

/** What a case came to, in one line, for those who watch. */
export function serverSummary({ operation, inFlight, figures }: ServerCaseResult): string {
  return `${operation}, ${inFlight} in flight: ${figures.map(({ subject, cpuUs }) => `${subject} ${formatFigure(cpuUs)}`).join(', ')} µs of CPU`
}

function targetsTable(results: readonly ServerCaseResult[], peer: string): string {
  const operations = [...new Set(results.map(({ operation }) => operation))]
  const rows = operations.flatMap((operation) => {
    const target = targetOf(operation)
    if (target === undefined) return []
    const cases = results.filter((result) => result.operation === operation)
    const cells = OURS_ON_DISK.map((ours) =>
      cases.map((result) => formatRatio(ratioWithin(result, ours, peer), target.maxRatio)).join(' / '),
    )
    return [[operation, `<= ${target.maxRatio}`, ...cells]]
  })
  return formatTable([['operation', 'target', ...OURS_ON_DISK], ...rows], 1)
}

function hasFigures(results: readonly ServerCaseResult[], peer: string): boolean {
  return results.some(({ figures }) => figures.some(({ subject }) => subject === peer))
}

function ratiosSection(peer: string, ours: readonly string[], results: readonly ServerCaseResult[]): string {
  const measured = results.filter((result) => hasFigures([result], peer))
  const rows = measured.map((result) => [
    result.operation,
    String(result.inFlight),
    ...ours.map((name) => formatRatio(ratioWithin(result, name, peer))),
  ])
  return `### To ${peer}\n\n${formatTable([['operation', 'in flight', ...ours], ...rows], 1)}\n`
}

function figuresTable(results: readonly ServerCaseResult[]): string {
  const head = ['operation', 'in flight', 'server', 'CPU µs', 'requests/s', 'MB/s', 'p50 µs', 'p99 µs', 'peak MiB']
  const rows = results.flatMap((result) =>
    result.figures.map((figures, index) => [
      index === 0 ? result.operation : '',
      index === 0 ? String(result.inFlight) : '',
      ...figuresColumns(figures, result.contentBytes),
    ]),
  )
  return formatTable([head, ...rows], 3)
}

function figuresColumns(figures: SubjectFigures, contentBytes: number): string[] {
  const { subject, cpuUs, requestsPerSecond, p50Us, p99Us, peakMemoryBytes } = figures
  const megabytes = contentBytes === 0 ? '' : formatFigure((contentBytes * requestsPerSecond) / 1e6)
  const numbers = [cpuUs, requestsPerSecond].map(formatFigure)
  return [
    subject,
    ...numbers,
    megabytes,
    formatFigure(p50Us),
    formatFigure(p99Us),
    formatFigure(peakMemoryBytes / 1024 ** 2),
  ]
}

function ratioWithin({ figures }: ServerCaseResult, ours: string, peer: string): number | undefined {
  const left = figures.find(({ subject }) => subject === ours)
  const right = figures.find(({ subject }) => subject === peer)
  return left === undefined || right === undefined ? undefined : cpuRatio(left, right)
}

/** Marks what is above its target. */
function formatRatio(ratio: number | undefined, target: number = Number.POSITIVE_INFINITY): string {
  if (ratio === undefined) return '-'
  return ratio <= target ? formatFigure(ratio) : `**${formatFigure(ratio)}**`
}
