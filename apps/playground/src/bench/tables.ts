import { formatFigure, formatSize, formatTable } from './format.ts'
import { operationOf } from './operations.ts'
import type { CaseResult, Figures } from './run-case.ts'

/** The table of what everybody took for every case. */
export function figuresTable(results: readonly CaseResult[]): string {
  const head = ['operation', 'size', 'at once', 'subject', 'CPU µs', 'wall µs', 'MB/s', 'CPU ratio', 'wall ratio']
  const rows = results.flatMap((result) =>
    result.figures.map((figures, index) => [
      ...(index === 0 ? caseColumns(result) : ['', '', '']),
      figures.subject,
      formatFigure(figures.cpuUs),
      formatFigure(figures.wallUs),
      operationOf(result.operation).readsContent ? formatFigure(result.sizeBytes / figures.wallUs) : '',
      formatRatio(figures.cpuRatio),
      formatRatio(figures.wallRatio),
    ]),
  )
  return formatTable([head, ...rows], 4)
}

/** The table of ratios alone: CPU time and wall time that ours took for each unit of another's. */
export function ratiosTable(results: readonly CaseResult[]): string {
  const peers = [...new Set(results.flatMap(({ figures }) => figures.slice(1).map(({ subject }) => subject)))]
  const rows = results.map((result) => [
    ...caseColumns(result),
    ...peers.map((peer) => formatRatios(result.figures.find(({ subject }) => subject === peer))),
  ])
  return formatTable([['operation', 'size', 'at once', ...peers], ...rows], 3)
}

/** What a case came to, in one line, for those who watch. */
export function summary(result: CaseResult): string {
  const ratios = result.figures.slice(1).map((figures) => `${formatRatios(figures)} of ${figures.subject}`)
  const own = formatFigure(result.figures[0]?.cpuUs ?? Number.NaN)
  return `${[result.backend, ...caseColumns(result)].join(' ')}: ${own} µs of CPU; CPU / wall ${ratios.join(', ')}`
}

/** The cases in which ours took more CPU time, or more wall time, than another; the worst first. */
export function slowerThan(results: readonly CaseResult[], what: 'cpuRatio' | 'wallRatio'): string[] {
  return results
    .flatMap((result) => result.figures.map((figures) => ({ result, figures, ratio: figures[what] ?? 0 })))
    .filter(({ ratio }) => ratio > 1)
    .toSorted((left, right) => right.ratio - left.ratio)
    .map(
      ({ result, figures, ratio }) => `${caseColumns(result).join(' ')}: ${formatFigure(ratio)} of ${figures.subject}`,
    )
}

function caseColumns({ operation, sizeBytes, concurrency }: CaseResult): [string, string, string] {
  return [operation, formatSize(sizeBytes), String(concurrency)]
}

function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '' : formatFigure(ratio)
}

function formatRatios(figures: Figures | undefined): string {
  if (figures?.cpuRatio === undefined || figures.wallRatio === undefined) return 'cannot'
  return `${formatFigure(figures.cpuRatio)} / ${formatFigure(figures.wallRatio)}`
}
