import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import {
  BatchUpdateBlobsRequestSchema,
  FindMissingBlobsRequestSchema,
  WriteRequestSchema,
} from '@caskade/reapi/messages'
import { expect, onTestFinished, test } from 'vitest'
import { BlobMaker } from './blobs.ts'
import { serverCases } from './cases.ts'
import type { LoadRequest } from './request-file.ts'
import { writeRequests } from './request-file.ts'
import type { ServerCase } from './server-case.ts'
import { quickServerEffort, requestCount } from './server-case.ts'

test('no two cases have the same name and number in flight', () => {
  const names = serverCases.map(({ operation, inFlight }) => `${operation} ${inFlight}`)

  expect(new Set(names).size).toBe(names.length)
})

test('a round stores no more content than it may, and as many requests as are under way', () => {
  const large = caseOf('HTTP PUT of 64 MiB', 4)
  const small = caseOf('HTTP PUT of 100 KiB', 128)

  expect(requestCount(large, quickServerEffort)).toBe(4)
  expect(requestCount(small, quickServerEffort) * small.contentBytes).toBeLessThanOrEqual(quickServerEffort.roundBytes)
})

test('what is stored is new in every round', () => {
  const measured = caseOf('BatchUpdateBlobs of 100 x 1 KiB', 1)
  const maker = new BlobMaker(1)
  const hashes = [0, 1].flatMap((round) =>
    bodiesOf(measured.requests(maker, round, 2)).flatMap(([message = Buffer.alloc(0)]) =>
      fromBinary(BatchUpdateBlobsRequestSchema, message).requests.map(({ digest }) => digest?.hash),
    ),
  )

  expect(new Set(hashes).size).toBe(400)
})

test('half of the blobs that are looked for are there', () => {
  const measured = caseOf('FindMissingBlobs of 1,000', 1)
  const maker = new BlobMaker(1)
  const stored = bodiesOf(measured.setUp(maker)[0] ?? []).flatMap(([message = Buffer.alloc(0)]) =>
    fromBinary(BatchUpdateBlobsRequestSchema, message).requests.map(({ digest }) => digest?.hash),
  )

  const [[asked = Buffer.alloc(0)] = []] = bodiesOf(measured.requests(maker, 0, 1))
  const hashes = fromBinary(FindMissingBlobsRequestSchema, asked).blobDigests.map(({ hash }) => hash)

  expect(hashes).toHaveLength(1000)
  expect(hashes.filter((hash) => stored.includes(hash))).toHaveLength(500)
})

test('a blob is written in messages of 16 KiB, of which the last one says so', () => {
  const measured = caseOf('ByteStream.Write of 64 KiB, identity', 1)

  const [messages = []] = bodiesOf(measured.requests(new BlobMaker(1), 0, 1))
  const decoded = messages.map((message) => fromBinary(WriteRequestSchema, message))

  expect(decoded.map(({ data }) => data.byteLength)).toEqual([16384, 16384, 16384, 16384])
  expect(decoded.map(({ writeOffset }) => Number(writeOffset))).toEqual([0, 16384, 32768, 49152])
  expect(decoded.map(({ finishWrite }) => finishWrite)).toEqual([false, false, false, true])
})

function caseOf(operation: string, inFlight: number): ServerCase {
  const found = serverCases.find((candidate) => candidate.operation === operation && candidate.inFlight === inFlight)
  if (found === undefined) throw new Error(`there is no ${operation} with ${inFlight} in flight`)
  return found
}

/** The messages of each request, as they are in the file. */
function bodiesOf(prepared: Parameters<typeof writeRequests>[1]): Buffer[][] {
  const folder = mkdtempSync(join(tmpdir(), 'caskade-bench-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const { path, requests } = writeRequests(join(folder, 'bodies'), prepared)
  const content = readFileSync(path)
  return requests.map((request) => messagesOf(content, request))
}

function messagesOf(content: Buffer, { offset, length }: LoadRequest): Buffer[] {
  const messages: Buffer[] = []
  for (let at = offset; at < offset + length;) {
    const end = at + 5 + content.readUInt32BE(at + 1)
    messages.push(content.subarray(at + 5, end))
    at = end
  }
  return messages
}
