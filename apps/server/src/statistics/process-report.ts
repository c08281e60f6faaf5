import type { StorageEvent } from '@caskade/core'
import type { RequestReport } from './request-counts.ts'
import { RequestCounts, sumRequests } from './request-counts.ts'
import type { ToolReport } from './statistics.ts'
import { Statistics, sumReports } from './statistics.ts'

/** How often a kind of storage has noticed something. */
export interface EventCount extends Pick<StorageEvent, 'kind' | 'storageType'> {
  readonly count: number
}

/** What a process of a server has done since it started, or several of them together. */
export interface ProcessReport {
  readonly tools: Readonly<Record<string, ToolReport>>
  readonly requests: readonly RequestReport[]
  readonly storageEvents: readonly EventCount[]
  /** The processor time that it took, of user and system, in seconds. */
  readonly cpuSeconds: number
  /** What it has in memory now, in bytes. */
  readonly residentBytes: number
}

/** That of a process that has yet to do something. */
export const NOTHING_DONE: ProcessReport = {
  tools: {},
  requests: [],
  storageEvents: [],
  cpuSeconds: 0,
  residentBytes: 0,
}

/** Adds what the processes of a server report. */
export function sumProcessReports(reports: readonly ProcessReport[]): ProcessReport {
  return {
    tools: sumReports(reports.map(({ tools }) => tools)),
    requests: sumRequests(reports.flatMap(({ requests }) => requests)),
    storageEvents: sumEvents(reports.flatMap(({ storageEvents }) => storageEvents)),
    cpuSeconds: reports.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    residentBytes: reports.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
  }
}

/** Counts what a process does. */
export class ProcessCounts {
  readonly tools: Statistics = new Statistics()
  readonly requests: RequestCounts = new RequestCounts()
  #storageEvents: EventCount[] = []

  noteEvent({ kind, storageType }: Pick<StorageEvent, 'kind' | 'storageType'>): void {
    this.#storageEvents = sumEvents([...this.#storageEvents, { kind, storageType, count: 1 }])
  }

  report(): ProcessReport {
    const { user, system } = process.cpuUsage()
    return {
      tools: this.tools.report(),
      requests: this.requests.report(),
      storageEvents: this.#storageEvents,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: process.memoryUsage.rss(),
    }
  }
}

function sumEvents(counts: readonly EventCount[]): EventCount[] {
  const groups = Map.groupBy(counts, ({ kind, storageType }) => `${storageType} ${kind}`)
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [{ ...first, count: group.reduce((sum, { count }) => sum + count, 0) }]
  })
}
