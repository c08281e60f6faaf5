import { join } from 'node:path'
import type { BenchCase, Effort } from './cases.ts'
import { MeasuredProcess } from './measured-process.ts'
import { median, ratioOf } from './statistics.ts'
import type { Contest } from './subject.ts'

/** What one subject took for one case. */
export interface Figures {
  readonly subject: string
  /** Per operation: the median of the rounds, in microseconds. */
  readonly cpuUs: number
  readonly wallUs: number
  /** What ours took for each unit of this one's; undefined for ours. Below 1, ours took less. */
  readonly cpuRatio: number | undefined
  readonly wallRatio: number | undefined
}

/** What a case came to: ours first. A subject that cannot do it is not among them. */
export interface CaseResult extends BenchCase {
  readonly figures: readonly Figures[]
}

interface Rounds {
  readonly subject: string
  readonly cpuUs: number[]
  readonly wallUs: number[]
}

/** How a case is run. */
export interface RunOptions {
  readonly effort: Effort
  /** Where random content begins. */
  readonly seed: number
  /** An existing folder for what is stored meanwhile. */
  readonly directory: string
}

/**
 * Measures all subjects of a contest. They are there at once, each in a process of its own, and take turns round by round,
 * so that whatever else the machine does meanwhile hits all alike.
 */
export async function runCase(contest: Contest, benchCase: BenchCase, options: RunOptions): Promise<CaseResult> {
  await using stack = new AsyncDisposableStack()
  const processes: MeasuredProcess[] = []
  for (const [index, { name: subject }] of [contest.ours, ...contest.peers].entries()) {
    const folder = join(options.directory, String(index))
    const { effort, seed } = options
    const started = stack.use(await MeasuredProcess.start({ subject, benchCase, effort, seed, folder }))
    if (started.canRun) processes.push(started)
  }
  const rounds = await takeTurns(processes, options.effort.rounds)
  return { ...benchCase, figures: rounds.map((own) => figuresOf(own, rounds[0])) }
}

async function takeTurns(processes: readonly MeasuredProcess[], count: number): Promise<Rounds[]> {
  const all = processes.map(({ subject }): Rounds => ({ subject, cpuUs: [], wallUs: [] }))
  for (let round = 0; round <= count; round++) {
    const counts: number[] = []
    // Each begins in its turn: whoever is first finds the machine in another state than the others.
    for (const index of rotated(processes.length, round)) {
      const measured = await processes[index]?.ask({ kind: 'round', round })
      if (measured?.kind !== 'measured') throw new Error('a round was not measured')
      counts[index] = measured.count
      if (round > 0) all[index]?.wallUs.push((measured.wallMs * 1000) / measured.count)
    }
    for (const [index, one] of processes.entries()) {
      const settled = await one.ask({ kind: 'settle' })
      if (settled.kind !== 'settled') throw new Error('a round did not settle')
      if (round > 0) all[index]?.cpuUs.push(settled.cpuUs / (counts[index] ?? Number.NaN))
    }
  }
  return all
}

function rotated(length: number, by: number): number[] {
  return Array.from({ length }, (_, index) => (index + by) % length)
}

function figuresOf(own: Rounds, ours: Rounds | undefined): Figures {
  const isOurs = ours === undefined || own === ours
  return {
    subject: own.subject,
    cpuUs: median(own.cpuUs),
    wallUs: median(own.wallUs),
    cpuRatio: isOurs ? undefined : ratioOf(ours.cpuUs, own.cpuUs),
    wallRatio: isOurs ? undefined : ratioOf(ours.wallUs, own.wallUs),
  }
}
