/** One run of a benchmark: what measured, when, and on what. */
export interface BenchRun {
  readonly command: string
  /** When it began, as ISO 8601 has it; or the day alone. */
  readonly date: string
  readonly machine: string
  /** The servers that were there. */
  readonly servers: readonly MeasuredServer[]
  /** What could not be had then, and why. */
  readonly missing: readonly string[]
}

/** A server as it was measured. */
interface MeasuredServer {
  readonly name: string
  /** What it said of itself. */
  readonly version: string
  /** What it did and left out, for who reads the figures. */
  readonly conduct: string
}

/** What came of a run. */
export interface OfRun {
  readonly run: BenchRun
}

/** What is there with what was measured anew: each in the place of that with the same key, and at the end what is new. */
export function replaceMeasured<Item>(
  kept: readonly Item[],
  anew: readonly Item[],
  keyOf: (item: Item) => string,
): Item[] {
  const items = new Map(kept.map((item) => [keyOf(item), item]))
  for (const item of anew) items.set(keyOf(item), item)
  return [...items.values()]
}

/** The runs that these are of, the first of them first. */
export function runsOf(items: readonly OfRun[]): BenchRun[] {
  return [...new Set(items.map(({ run }) => run))].toSorted((left, right) => compare(left.date, right.date))
}

/** Who made a report and when, for its head. */
export function madeBy(runs: readonly BenchRun[]): string {
  const [first, ...others] = new Set(runs.map(describeRun))
  return others.length === 0 ? `Made by ${first}` : `Made by ${first}, with figures of ${others.join(' and of ')}`
}

/** What the figures were measured with: one machine, or whose it was when there were several. */
export function machinesOf(runs: readonly BenchRun[]): string {
  const machines = new Set(runs.map(({ machine }) => machine))
  if (machines.size === 1) return [...machines].join('')
  return runs.map((run) => `${run.machine} (${describeRun(run)})`).join('; ')
}

/** What could not be had, as items of a list; which run could not have it unless none could. */
export function missingLines(runs: readonly BenchRun[]): string[] {
  const lines = new Set(runs.flatMap(({ missing }) => missing))
  return [...lines].flatMap((line) => {
    const without = runs.filter(({ missing }) => missing.includes(line))
    if (without.length === runs.length) return [`- Not measured: ${line}.`]
    return without.map((run) => `- Not measured by ${describeRun(run)}: ${line}.`)
  })
}

/** The rows of the table of servers that there are figures of, in the order of `names`; several of one that differed from run to run. */
export function serverRows(
  measured: readonly (OfRun & { readonly subject: string })[],
  names: readonly string[],
): string[][] {
  const there = new Set(measured.map(({ subject }) => subject))
  const ordered = new Set([...names.filter((name) => there.has(name)), ...there])
  return [...ordered].flatMap((name) => {
    const runs = runsOf(measured.filter(({ subject }) => subject === name))
    const servers = runs.flatMap((run) => run.servers.filter((server) => server.name === name))
    const rows = new Map(servers.map(({ version, conduct }) => [`${version}\n${conduct}`, [name, version, conduct]]))
    return [...rows.values()]
  })
}

/** A run as a report names it. */
export function describeRun({ command, date }: BenchRun): string {
  return `\`${command}\` on ${date.slice(0, 10)}`
}

function compare(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}
