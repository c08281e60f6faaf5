import type { BlobMaker } from './blobs.ts'
import type { PreparedRequest } from './request-file.ts'

/** One line of the tables. */
export interface ServerCase {
  /** What is asked for, such as `FindMissingBlobs of 1,000`. */
  readonly operation: string
  readonly protocol: 'grpc' | 'http'
  readonly inFlight: number
  /** What the blobs of one request come to, in bytes; 0 when no content is sent or received. */
  readonly contentBytes: number
  /** Whether requests may be sent again: they change nothing. */
  readonly repeats: boolean
  /** How many requests one round has at most. Default: 2,000, as more tell nothing new. */
  readonly maxRequests?: number | undefined
  /** What has to be there before: requests that go together, group after group. */
  setUp(maker: BlobMaker): Iterable<PreparedRequest>[]
  /** The requests of one round, `count` at most. */
  requests(maker: BlobMaker, round: number, count: number): Iterable<PreparedRequest>
}

/** How much is measured. */
export interface ServerEffort {
  /** How many rounds count. */
  readonly rounds: number
  /** How long the round takes that comes before them, in milliseconds: until the programs have been compiled. */
  readonly warmUpMs: number
  /** A round begins no further request after so long, in milliseconds. */
  readonly durationMs: number
  /** A round stores no more content than this, unless its first requests need more, in bytes. */
  readonly roundBytes: number
}

export const fullServerEffort: ServerEffort = {
  rounds: 5,
  warmUpMs: 3000,
  durationMs: 1000,
  roundBytes: 128 * 1024 ** 2,
}
export const quickServerEffort: ServerEffort = {
  rounds: 5,
  warmUpMs: 1000,
  durationMs: 300,
  roundBytes: 32 * 1024 ** 2,
}

const MAX_REQUESTS = 2000

/** How many requests of a case are made up for one round. */
export function requestCount(serverCase: ServerCase, { roundBytes }: ServerEffort): number {
  const { contentBytes, inFlight, maxRequests = MAX_REQUESTS } = serverCase
  return Math.max(inFlight, Math.min(maxRequests, Math.floor(roundBytes / Math.max(contentBytes, 1))))
}
