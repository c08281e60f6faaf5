/** How many blobs, and what they come to, in bytes. */
export interface Amount {
  readonly count: number
  readonly bytes: number
}

/** What one tool has done since the server started. */
export interface ToolReport {
  /** Answers to the question whether there is a result for a key. */
  readonly hits: number
  readonly misses: number
  /** The part of the answers that were hits, from 0 to 1, to four digits; null while nothing was asked. */
  readonly hitRate: number | null
  /** Content that was sent. */
  readonly sent: Amount
  /** Content that was offered for upload: received, or known to be stored already. */
  readonly offered: Amount
  /** The part of it that was stored already. */
  readonly deduplicated: Amount
}

/** Counts what one tool does. */
export class ToolStatistics {
  #hits = 0
  #misses = 0
  readonly #sent = new Counter()
  readonly #offered = new Counter()
  readonly #deduplicated = new Counter()

  /** Whether there was a result for a key. */
  noteLookup(isHit: boolean): void {
    if (isHit) this.#hits += 1
    else this.#misses += 1
  }

  noteSent(bytes: number, count = 1): void {
    this.#sent.add(bytes, count)
  }

  /** `isKnown`: it was stored already. */
  noteOffered(bytes: number, isKnown: boolean, count = 1): void {
    this.#offered.add(bytes, count)
    if (isKnown) this.#deduplicated.add(bytes, count)
  }

  /** Whether there is anything to report. */
  get isUsed(): boolean {
    return this.#hits + this.#misses + this.#sent.amount.count + this.#offered.amount.count > 0
  }

  report(): ToolReport {
    return {
      hits: this.#hits,
      misses: this.#misses,
      hitRate: rateOf(this.#hits, this.#hits + this.#misses),
      sent: this.#sent.amount,
      offered: this.#offered.amount,
      deduplicated: this.#deduplicated.amount,
    }
  }
}

/** Counts what each tool does, by its name. */
export class Statistics {
  readonly #tools = new Map<string, ToolStatistics>()

  /** The counters of a tool. Names must not come from clients: each is kept. */
  of(tool: string): ToolStatistics {
    let statistics = this.#tools.get(tool)
    if (statistics === undefined) {
      statistics = new ToolStatistics()
      this.#tools.set(tool, statistics)
    }
    return statistics
  }

  /** What each tool has done that has done anything. */
  report(): Record<string, ToolReport> {
    const used = [...this.#tools].filter(([, tool]) => tool.isUsed).toSorted(byName)
    return Object.fromEntries(used.map(([name, tool]) => [name, tool.report()]))
  }
}

/** Adds what the processes of a server report. */
export function sumReports(reports: readonly Readonly<Record<string, ToolReport>>[]): Record<string, ToolReport> {
  const names = new Set(reports.flatMap((report) => Object.keys(report)))
  const sums = [...names].toSorted().map((name) => {
    const tools = reports.flatMap((report) => report[name] ?? [])
    const count = (kind: 'hits' | 'misses'): number => tools.reduce((total, tool) => total + tool[kind], 0)
    const amount = (kind: 'sent' | 'offered' | 'deduplicated'): Amount => sumAmounts(tools.map((tool) => tool[kind]))
    const [hits, misses] = [count('hits'), count('misses')]
    const hitRate = rateOf(hits, hits + misses)
    const amounts = { sent: amount('sent'), offered: amount('offered'), deduplicated: amount('deduplicated') }
    return [name, { hits, misses, hitRate, ...amounts }] as const
  })
  return Object.fromEntries(sums)
}

/** Adds amounts. */
export function sumAmounts(amounts: readonly Amount[]): Amount {
  return {
    count: amounts.reduce((count, amount) => count + amount.count, 0),
    bytes: amounts.reduce((bytes, amount) => bytes + amount.bytes, 0),
  }
}

/** What part of a whole something is, to four digits; null when there is no whole. */
export function rateOf(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000
}

class Counter {
  #count = 0
  #bytes = 0

  add(bytes: number, count: number): void {
    this.#count += count
    this.#bytes += bytes
  }

  get amount(): Amount {
    return { count: this.#count, bytes: this.#bytes }
  }
}

function byName([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1
}
