import { version } from '../version.ts'
import type { ProcessReport } from './process-report.ts'
import type { Amount, ToolReport } from './statistics.ts'
import { rateOf, sumAmounts } from './statistics.ts'

/** What a server says of itself, as `/status` serves it. */
export interface ServerStatus {
  readonly version: string
  /** ISO 8601, in UTC. */
  readonly startedAt: string
  readonly uptimeSeconds: number
  readonly workers: {
    /** How many serve. */
    readonly running: number
    /** How many ended without having been told to, since the server started. */
    readonly replaced: number
  }
  /** All tools together, since the server started. */
  readonly store: {
    /** Content that was offered for upload: received, or known to be stored already. */
    readonly offered: Amount
    /** The part of it that was stored already. */
    readonly deduplicated: Amount
    /** The part of the offered bytes that needed no storing, from 0 to 1, to four digits; null while nothing was offered. */
    readonly dedupRate: number | null
    readonly sent: Amount
  }
  /** Each tool that has done anything since then. */
  readonly tools: Readonly<Record<string, ToolReport>>
}

/** What all processes of a server come to. */
export interface ServerTotals extends ProcessReport {
  readonly workers: ServerStatus['workers']
}

/** Says what a server has done since it started. */
export function serverStatus({ tools, workers }: ServerTotals, startedAt: Date): ServerStatus {
  const sumOf = (kind: 'offered' | 'deduplicated' | 'sent'): Amount =>
    sumAmounts(Object.values(tools).map((tool) => tool[kind]))
  const offered = sumOf('offered')
  const deduplicated = sumOf('deduplicated')
  return {
    version,
    startedAt: startedAt.toISOString(),
    uptimeSeconds: Math.floor((Date.now() - startedAt.getTime()) / 1000),
    workers,
    store: {
      offered,
      deduplicated,
      dedupRate: rateOf(deduplicated.bytes, offered.bytes),
      sent: sumOf('sent'),
    },
    tools,
  }
}
