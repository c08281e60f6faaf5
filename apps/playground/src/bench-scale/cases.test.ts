import { fromBinary } from '@bufbuild/protobuf'
import { BatchReadBlobsRequestSchema, FindMissingBlobsRequestSchema } from '@caskade/reapi/messages'
import { expect, test } from 'vitest'
import { BlobMaker } from '../bench-server/blobs.ts'
import type { PreparedRequest } from '../bench-server/request-file.ts'
import type { ServerCase } from '../bench-server/server-case.ts'
import { BlobSeries } from './blob-series.ts'
import { scaleCases } from './cases.ts'
import { FreshBlobs } from './fresh-blobs.ts'

const BLOBS = 5000
const series = new BlobSeries(1)
const stored = new Set(Array.from({ length: BLOBS }, (_, number) => series.digest(number).hash))
const options = { series, fresh: new FreshBlobs(series, 0), blobs: BLOBS, rounds: 2 }

test('half of the blobs that are looked for are there, and they are from all over the store', () => {
  const [request] = requestsOf('FindMissingBlobs of 1,000', 0, 1)
  const hashes = fromBinary(FindMissingBlobsRequestSchema, messageOf(request)).blobDigests.map(({ hash }) => hash)
  const present = hashes.filter((hash) => stored.has(hash))

  expect(hashes).toHaveLength(1000)
  expect(present).toHaveLength(500)
  expect(new Set(present).size).toBeGreaterThan(450)
})

test('no two rounds are about the same blobs, and a round is the same when it is made again', () => {
  const read = (round: number): string[] =>
    requestsOf('BatchReadBlobs of 100', round, 2).flatMap((request) =>
      fromBinary(BatchReadBlobsRequestSchema, messageOf(request)).digests.map(({ hash }) => hash),
    )

  expect(read(0).every((hash) => stored.has(hash))).toBe(true)
  expect(read(0)).toEqual(read(0))
  expect(read(1)).not.toEqual(read(0))
})

test('what is stored is not there yet, and never the same twice', () => {
  const paths = [0, 0].map((round) => Buffer.concat(requestsOf('BatchUpdateBlobs of 100 new', round, 1)[0]?.body ?? []))

  expect(paths[0]?.equals(paths[1] ?? Buffer.alloc(0))).toBe(false)
})

test('results are stored before they are asked for where the store does not hold them', () => {
  const maker = new BlobMaker(1)
  const lacking = scaleCases({ ...options, hasResults: false })[0]?.setUp(maker) ?? []

  const asked = new Set(lacking.flatMap((group) => [...group]).map(({ path }) => path))

  expect([...asked]).toEqual(['/build.bazel.remote.execution.v2.ActionCache/UpdateActionResult'])
  expect(caseOf('GetActionResult hit').setUp(maker)).toEqual([])
})

function caseOf(operation: string): ServerCase {
  const found = scaleCases({ ...options, hasResults: true }).find((candidate) => candidate.operation === operation)
  if (found === undefined) throw new Error(`there is no ${operation}`)
  return found
}

function requestsOf(operation: string, round: number, count: number): PreparedRequest[] {
  return [...caseOf(operation).requests(new BlobMaker(1), round, count)]
}

function messageOf(request: PreparedRequest | undefined): Uint8Array {
  return request?.body[1] ?? new Uint8Array(0)
}
