import {
  actionOver,
  batchReadBlobs,
  batchUpdateBlobs,
  findMissingBlobs,
  getActionResult,
  updateActionResult,
} from '../bench-server/grpc-requests.ts'
import { httpGet } from '../bench-server/http-requests.ts'
import type { PreparedRequest } from '../bench-server/request-file.ts'
import type { ServerCase } from '../bench-server/server-case.ts'
import type { BlobSeries } from './blob-series.ts'
import { BLOBS_PER_ACTION, randomAt } from './blob-series.ts'
import type { FreshBlobs } from './fresh-blobs.ts'

/** So many requests are under way. */
const IN_FLIGHT = 16

/** How large a blob is on average, in bytes. */
const MEAN_BYTES = 1160

const BATCH = 100
const LOOKED_FOR = 1000

/** What the cases of a store depend on. */
export interface ScaleCasesOptions {
  readonly series: BlobSeries
  readonly fresh: FreshBlobs
  /** How many blobs are there. */
  readonly blobs: number
  /** How many rounds there are, the one to warm up included. */
  readonly rounds: number
  /** Whether the store holds the results of the actions; else they are stored before they are asked for. */
  readonly hasResults: boolean
}

/** The operations that may cost more the more there is, over blobs at random places: no request is sent twice. */
export function scaleCases(options: ScaleCasesOptions): ServerCase[] {
  const { series, fresh } = options
  const blob = (round: number, index: number): ReturnType<BlobSeries['blob']> =>
    series.blob(pick(options, round, index))
  return [
    operation('GetActionResult hit', {
      setUp: () => (options.hasResults ? [] : [storedResults(options)]),
      request: (round, index) => getActionResult(series.outcome(pickAction(options, round, index)), index, true),
    }),
    operation('GetActionResult miss', {
      // Next to each action with a result is a blob that no action is about.
      request(round, index) {
        const action = actionOver(series.blob(pickAction(options, round, index) * BLOBS_PER_ACTION + 1))
        return getActionResult({ ...series.outcome(0), action }, index, false)
      },
    }),
    operation('FindMissingBlobs of 1,000', {
      maxRequests: 100,
      request(round, index) {
        const present = Array.from({ length: LOOKED_FOR / 2 }, (_, at) => blob(round, index * LOOKED_FOR + at).digest)
        const absent = fresh.take(LOOKED_FOR / 2)
        const mixed = present.flatMap((digest, at) => [digest, absent[at]?.digest ?? digest])
        return findMissingBlobs(mixed, index)
      },
    }),
    operation('BatchReadBlobs of 100', {
      maxRequests: 300,
      contentBytes: BATCH * MEAN_BYTES,
      request: (round, index) =>
        batchReadBlobs(
          Array.from({ length: BATCH }, (_, at) => blob(round, index * BATCH + at)),
          index,
        ),
    }),
    operation('BatchUpdateBlobs of 100 new', {
      maxRequests: 300,
      contentBytes: BATCH * MEAN_BYTES,
      request: (_round, index) => batchUpdateBlobs(fresh.take(BATCH), index),
    }),
    operation('HTTP GET', {
      protocol: 'http',
      contentBytes: MEAN_BYTES,
      request: (round, index) => httpGet(blob(round, index)),
    }),
  ]
}

/** What differs from case to case. */
interface Shape extends Partial<Omit<ServerCase, 'operation' | 'requests'>> {
  readonly request: (round: number, index: number) => PreparedRequest
}

function operation(name: string, { request, ...shape }: Shape): ServerCase {
  return {
    operation: name,
    protocol: 'grpc',
    inFlight: IN_FLIGHT,
    contentBytes: 0,
    repeats: false,
    setUp: () => [],
    ...shape,
    *requests(_maker, round, count) {
      for (let index = 0; index < count; index += 1) yield request(round, index)
    },
  }
}

function* storedResults(options: ScaleCasesOptions): Generator<PreparedRequest> {
  for (let round = 0; round < options.rounds; round += 1) {
    for (let index = 0; index < 2000; index += 1) {
      yield updateActionResult(options.series.outcome(pickAction(options, round, index)), index)
    }
  }
}

/** The number of a blob that is there: others in every round, and the same ones when asked again. */
function pick({ blobs }: ScaleCasesOptions, round: number, index: number): number {
  return Math.floor(randomAt(round, index, 6) * blobs)
}

function pickAction(options: ScaleCasesOptions, round: number, index: number): number {
  return Math.floor(pick(options, round, index) / BLOBS_PER_ACTION)
}
