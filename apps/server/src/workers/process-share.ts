import type { ServerTotals } from '../statistics/server-status.ts'

/** What part a process has in a server. */
export interface ProcessShare {
  /** How many processes the server is. */
  readonly processes: number
  /** Which of them it is, from 0; the first does what only one must do. */
  readonly index: number
  /** When the server started. Default: now. */
  readonly startedAt?: Date | undefined
  /** Asks what all of them have done. Default: what this one has. */
  readonly totals?: (() => Promise<ServerTotals>) | undefined
}

/** The part of a process that is all of the server. */
export const WHOLE_SERVER: ProcessShare = { processes: 1, index: 0 }
