import { describeMachine, describeVersions } from './machine.ts'
import { operations } from './operations.ts'
import type { CaseResult, RunOptions } from './run-case.ts'
import type { Contest } from './subject.ts'
import { figuresTable, ratiosTable, slowerThan } from './tables.ts'

/** Everything that was measured of one contest. */
export interface ContestResult {
  readonly contest: Contest
  readonly results: readonly CaseResult[]
}

/** What makes the report. */
export interface ReportOptions extends Pick<RunOptions, 'effort' | 'seed'> {
  /** The command line that made it. */
  readonly command: string
  readonly date: Date
}

/** Writes up what was measured, as the content of BENCHMARKS.md. */
export function makeReport(measured: readonly ContestResult[], { effort, seed, command, date }: ReportOptions): string {
  const kinds = measured.flatMap(({ contest }) => [contest.ours, ...contest.peers])
  const { rounds, roundMs } = effort
  return `# Benchmarks

Made by \`${command}\` on ${date.toISOString().slice(0, 10)}. Do not edit: run it.

- Machine: ${describeMachine()}. It is shared and noisy: other work went on meanwhile. CPU time, and ratios within one run, are what counts; absolute wall times are not comparable between runs.
- Versions: ${describeVersions(kinds)}.
- Seed: ${seed}.

## How it is measured

Every subject runs each case in a process and a folder of its own. The subjects of a case are there at once and take turns round by round (${rounds} rounds of at most ${roundMs} ms, after one to warm up), so that noise hits all alike. Figures are medians of the rounds; a ratio is the median of the ratios of the rounds.

- **CPU** is user and system time of all threads of the process (the thread pool and worker threads included), from the start of a round until the other subjects have had theirs: work in the background counts. What the kernel does on behalf of nobody, such as writing back pages, is not in it.
- **Ratio** is what Caskade takes for each unit of the peer's: below 1, Caskade takes less.
- Content is random. Files were written just before, so they are read from the page cache.
- Content and digests are made outside the rounds. Who verifies, hashes within them.
- 1 MB is 1,000,000 bytes. \`at once\` is how many calls are under way.

| operation | what it is |
| --- | --- |
${operations.map(({ name, meaning, per }) => `| \`${name}\` | ${meaning} (figures are for one ${per}) |`).join('\n')}

${measured.map(contestSection).join('\n')}`
}

function contestSection({ contest, results }: ContestResult): string {
  return `## ${contest.backend}

| subject | what it does |
| --- | --- |
${[contest.ours, ...contest.peers].map(({ name, conduct }) => `| ${name} | ${conduct} |`).join('\n')}

### Ratios: CPU / wall

${ratiosTable(results)}

More CPU time than a peer:

${list(slowerThan(results, 'cpuRatio'))}

More wall time than a peer:

${list(slowerThan(results, 'wallRatio'))}

### Figures

${figuresTable(results)}
`
}

function list(lines: readonly string[]): string {
  return lines.length === 0 ? '- nowhere' : lines.map((line) => `- ${line}`).join('\n')
}
