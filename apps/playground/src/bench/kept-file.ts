import { readFile, writeFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { isErrnoException } from '@caskade/core'
import type { BenchRun, OfRun } from './kept-runs.ts'
import { runsOf } from './kept-runs.ts'

/** Counts up when what is in the files changes its meaning. */
const FORMAT = 1

/** What all figures of a report have in common. */
export interface KeptSettings {
  readonly seed: number
  readonly effort: object
}

/** A report, of which these lists hold what came of runs. */
export type KeptReport<List extends string> = KeptSettings & Readonly<Record<List, readonly OfRun[]>>

/** A list as it is in a file: runs are named by their place in the list of them. */
interface KeptData extends KeptSettings {
  readonly format: number
  readonly runs: readonly BenchRun[]
  readonly [list: string]: unknown
}

/** Writes down a report as JSON. */
export function formatKept<List extends string>(report: KeptReport<List>, lists: readonly List[]): string {
  const { seed, effort } = report
  const runs = runsOf(lists.flatMap((list) => report[list]))
  const entries = lists.map((list) => [
    list,
    report[list].map(({ run, ...item }) => ({ run: runs.indexOf(run), ...item })),
  ])
  const data = { format: FORMAT, seed, effort, runs, ...Object.fromEntries(entries) }
  return `${JSON.stringify(data, undefined, 2)}\n`
}

/** Reads what `formatKept` wrote. Throws when something else did. */
export function parseKept<List extends string, Report extends KeptReport<List>>(
  text: string,
  lists: readonly List[],
): Report {
  const data = JSON.parse(text) as KeptData
  if (data.format !== FORMAT) throw new Error(`it is not of format ${FORMAT}`)
  const entries = lists.map((list) => [list, (data[list] as { readonly run: number }[]).map(withRun)])
  return { seed: data.seed, effort: data.effort, ...Object.fromEntries(entries) } as Report

  function withRun<Item extends { readonly run: number }>(item: Item): Omit<Item, 'run'> & OfRun {
    const run = data.runs[item.run]
    if (run === undefined) throw new Error(`it has no run ${item.run}`)
    return { ...item, run }
  }
}

/** Resolves to the report in a file, or to undefined when there is none. Rejects when it cannot be read, with what to do. */
export async function readKept<List extends string, Report extends KeptReport<List>>(
  path: string,
  lists: readonly List[],
): Promise<Report | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    return parseKept<List, Report>(text, lists)
  } catch (error) {
    throw new Error(
      `${path}: what was measured before cannot be taken up; measure all of it, without an option that narrows, or delete the file`,
      { cause: error },
    )
  }
}

/** Where a report is kept: as markdown, and its figures as JSON. */
export interface ReportFilesOptions<List extends string, Report extends KeptReport<List>> {
  readonly reportPath: string
  readonly figuresPath: string
  readonly lists: readonly List[]
  readonly makeReport: (report: Report) => string
}

/** The files of a report. */
export class ReportFiles<List extends string, Report extends KeptReport<List>> {
  readonly #options: ReportFilesOptions<List, Report>

  constructor(options: ReportFilesOptions<List, Report>) {
    this.#options = options
  }

  /** Resolves to the report that is there, or to undefined when there is none; see {@link readKept}. */
  read(): Promise<Report | undefined> {
    return readKept<List, Report>(this.#options.figuresPath, this.#options.lists)
  }

  async write(report: Report): Promise<void> {
    const { figuresPath, lists } = this.#options
    await this.#writeMarkdown(report)
    await writeFile(figuresPath, formatKept(report, lists))
  }

  /** Writes the markdown anew from the figures that are there. */
  async writeAnew(): Promise<void> {
    const kept = await this.read()
    if (kept === undefined) throw new Error(`--report: there is no ${this.#options.figuresPath}`)
    await this.#writeMarkdown(kept)
  }

  async #writeMarkdown(report: Report): Promise<void> {
    await writeFile(this.#options.reportPath, this.#options.makeReport(report))
  }
}

/** Throws when figures of a run must not stand beside those of a report, with what to do. */
export function assertSameSettings(kept: KeptSettings, { seed, effort }: KeptSettings): void {
  if (kept.seed !== seed) {
    throw new Error(`--seed: what was measured before is of seed ${kept.seed}; use that, or measure all of it`)
  }
  if (!isDeepStrictEqual(kept.effort, effort)) {
    throw new Error(
      '--quick: what was measured before has other rounds; use --quick if that did, and do not if it did not, or measure all of it',
    )
  }
}
