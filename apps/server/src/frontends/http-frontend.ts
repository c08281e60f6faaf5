import type { Backend, SpoolBudget } from '@caskade/core'
import type { HttpExchange } from '../http/http-exchange.ts'

/** What every frontend serves from. */
export interface FrontendContext {
  /** The store, with the empty blob always present. */
  readonly backend: Backend
  /** An existing folder for bodies on their way in. */
  readonly uploadDirectory: string
  /** What the files of all bodies on their way in may take. */
  readonly spoolBudget: SpoolBudget
  /** Longer bodies are refused, in bytes. */
  readonly maxBlobBytes: number
}

/** One tool's dialect of HTTP over the store. */
export interface HttpFrontend {
  /** Answers a request that is meant for this frontend; undefined, without having touched it, for any other. */
  readonly route: (exchange: HttpExchange) => Promise<void> | undefined
}
