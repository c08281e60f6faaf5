import type { Backend, FairBudget, SpoolBudget } from '@caskade/core'
import type { EncodedActionResults } from '@caskade/reapi'
import type { HttpExchange } from '../http/http-exchange.ts'
import type { HttpFailure } from '../http/http-failure.ts'
import type { Statistics } from '../statistics/statistics.ts'

/** What every frontend serves from. */
export interface FrontendContext {
  /** The store, with the empty blob always present. */
  readonly backend: Backend
  /** Results of actions as gRPC clients have them. */
  readonly actionResults: EncodedActionResults
  /** An existing folder for bodies on their way in. */
  readonly uploadDirectory: string
  /** What the files of all bodies on their way in may take. */
  readonly spoolBudget: SpoolBudget
  /** What all bodies in memory, and what is made of them, may take, in bytes. */
  readonly bodyBudget: FairBudget
  /** Longer bodies are refused, in bytes. */
  readonly maxBlobBytes: number
  readonly statistics: Statistics
}

/** What every frontend can be told in a configuration. */
export interface FrontendOptions {
  /** Serves this instance alone: requests without a prefix are about it, and those with another one are not served. */
  readonly instance?: string | undefined
}

/** What a request asks of a frontend. */
export interface HttpOperation {
  /** The instance that it is about: a name that keeps the keys of one group of clients apart from those of others. */
  readonly instanceName: string
  /** Whether it changes what is stored, or who asks for it learns what is; `none` for neither. */
  readonly access: 'read' | 'write' | 'none'
  /** Answers it. Rejects with what failed, which is then told as {@link HttpFrontend.sendFailure} does. */
  readonly answer: () => Promise<void>
}

/** One tool's dialect of HTTP over the store. */
export interface HttpFrontend {
  /** Names it in configurations. */
  readonly name: string
  /** Says what a request that is meant for this frontend asks; undefined, without having touched it, for any other. */
  readonly route: (exchange: HttpExchange) => HttpOperation | undefined
  /** Tells a client of a failure, or a refusal, in the way that its tool understands. Default: a line of text. */
  readonly sendFailure?: (exchange: HttpExchange, failure: HttpFailure, operation: HttpOperation) => void
}
