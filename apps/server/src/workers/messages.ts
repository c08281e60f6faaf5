import type { AddressInfo } from 'node:net'
import type { ServerConfig } from '../config/server-config.ts'
import type { ProcessReport } from '../statistics/process-report.ts'
import type { ServerTotals } from '../statistics/server-status.ts'

/** What a worker is, and where it serves. */
export interface WorkerTask {
  readonly config: ServerConfig
  readonly baseDirectory: string
  readonly processes: number
  readonly index: number
  /** When the server started, in milliseconds since 1970. */
  readonly startedAtMs: number
}

/** Where a worker serves. */
export interface WorkerAddresses {
  readonly grpcAddress: AddressInfo
  readonly httpAddress: AddressInfo
  readonly dataDirectory: string
}

/** An error, as one process tells another. */
export interface ToldError {
  readonly name: string
  readonly message: string
  readonly code?: unknown
  /** Those of a `ConfigError`. */
  readonly problems?: readonly string[] | undefined
}

/** What the supervisor says to a worker. */
export type SupervisorMessage =
  | { readonly kind: 'start'; readonly task: WorkerTask }
  | { readonly kind: 'report-wanted' }
  | { readonly kind: 'totals'; readonly id: number; readonly totals: ServerTotals }
  | { readonly kind: 'stop' }

/** What a worker says to the supervisor. */
export type WorkerMessage =
  | ({ readonly kind: 'started' } & WorkerAddresses)
  | { readonly kind: 'failed'; readonly error: ToldError }
  | { readonly kind: 'report'; readonly report: ProcessReport }
  | { readonly kind: 'totals-wanted'; readonly id: number }
