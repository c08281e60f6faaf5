/** The ends of the ranges in which durations are counted, in seconds; what took longer than the last is counted behind it. */
export const DURATION_BOUNDS: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

/** What requests are counted by. Values must not come from clients: each combination is kept. */
export interface RequestKind {
  readonly protocol: 'grpc' | 'http'
  /** The service of gRPC, without its package, or the HTTP frontend. */
  readonly service: string
  readonly method: string
  /** The status code: a name of gRPC, a number of HTTP, or `aborted` where the client left before it had the whole response. */
  readonly code: string
}

/** How many requests of a kind there were, and how long they took. */
export interface RequestReport extends RequestKind {
  /** What they took together, in seconds. */
  readonly seconds: number
  /** How many took up to each of {@link DURATION_BOUNDS} and longer than the one before; the last of them, longer than all. */
  readonly counts: readonly number[]
}

/** Counts requests and what they take. */
export class RequestCounts {
  readonly #kinds = new Map<string, Durations>()

  /** Where requests of a kind are counted. */
  of(kind: RequestKind): Durations {
    const key = keyOf(kind)
    let durations = this.#kinds.get(key)
    if (durations === undefined) {
      durations = new Durations(kind)
      this.#kinds.set(key, durations)
    }
    return durations
  }

  report(): RequestReport[] {
    return [...this.#kinds.values()].map((durations) => durations.report())
  }
}

/** Adds what the processes of a server report. */
export function sumRequests(reports: readonly RequestReport[]): RequestReport[] {
  const sums = new Map<string, RequestReport>()
  for (const report of reports) {
    const key = keyOf(report)
    const sum = sums.get(key)
    sums.set(key, sum === undefined ? report : added(sum, report))
  }
  return [...sums.values()]
}

function added(left: RequestReport, right: RequestReport): RequestReport {
  const counts = left.counts.map((count, index) => count + (right.counts[index] ?? 0))
  return { ...left, seconds: left.seconds + right.seconds, counts }
}

function keyOf({ protocol, service, method, code }: RequestKind): string {
  return `${protocol} ${service} ${method} ${code}`
}

/** Counts requests of one kind. */
export class Durations {
  readonly #kind: RequestKind
  readonly #counts = Array.from({ length: DURATION_BOUNDS.length + 1 }, () => 0)
  #seconds = 0

  constructor(kind: RequestKind) {
    this.#kind = kind
  }

  /** One more that took so long. */
  add(seconds: number): void {
    let index = 0
    while (index < DURATION_BOUNDS.length && seconds > (DURATION_BOUNDS[index] as number)) index += 1
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#seconds += seconds
  }

  report(): RequestReport {
    return { ...this.#kind, seconds: this.#seconds, counts: [...this.#counts] }
  }
}
