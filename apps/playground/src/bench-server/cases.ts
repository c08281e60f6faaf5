import type { StreamCompressor } from '@caskade/reapi'
import type { Blob, BlobMaker } from './blobs.ts'
import type { ActionOutcome } from './grpc-requests.ts'
import {
  actionOver,
  batchReadBlobs,
  batchUpdateBlobs,
  findMissingBlobs,
  getActionResult,
  readBlob,
  updateActionResult,
  writeBlob,
} from './grpc-requests.ts'
import { httpGet, httpPut } from './http-requests.ts'
import { inBatches } from './in-batches.ts'
import type { PreparedRequest } from './request-file.ts'
import type { ServerCase } from './server-case.ts'

const KIB = 1024
const MIB = 1024 ** 2

/** A case without the number of requests under way. */
type Operation = Omit<ServerCase, 'inFlight'> & {
  /** What a request and its response come to, in bytes, where that is more than the content. */
  readonly messageBytes?: number
}

const operations: readonly Operation[] = [
  actionResult(true),
  actionResult(false),
  ...[10, 1000, 10_000].map(findMissing),
  ...[batchRead, batchUpdate].flatMap((batch) => [batch(100, KIB), batch(40, 100 * KIB)]),
  ...[byteStreamRead, byteStreamWrite].flatMap((stream) =>
    (['identity', 'zstd'] as const).flatMap((compressor) =>
      [2, 64 * KIB, 64 * MIB].map((sizeBytes) => stream(sizeBytes, compressor)),
    ),
  ),
  ...[get, put].flatMap((transfer) => [KIB, 100 * KIB, 64 * MIB].map(transfer)),
]

/** All that is measured: each operation alone, and with as many under way as a busy client has. */
export const serverCases: readonly ServerCase[] = operations.flatMap((operation) =>
  [1, busyInFlight(operation)].map((inFlight) => ({ ...operation, inFlight })),
)

/** 128, or fewer where what is under way would come to hundreds of megabytes. */
function busyInFlight({ contentBytes, messageBytes = contentBytes }: Operation): number {
  if (messageBytes <= 128 * KIB) return 128
  return messageBytes <= 4 * MIB ? 16 : 4
}

function actionResult(isHit: boolean): Operation {
  return {
    operation: `GetActionResult ${isHit ? 'hit' : 'miss'}`,
    protocol: 'grpc',
    contentBytes: 0,
    repeats: true,
    setUp(maker) {
      const outcomes = actions(maker)
      const blobs = outcomes.flatMap(({ action, outputs, log }) => [action, ...outputs, log])
      return isHit ? [stored(blobs), outcomes.map(updateActionResult)] : []
    },
    requests: (maker, _round, count) =>
      actions(maker)
        .slice(0, count)
        .map((outcome, index) => getActionResult(outcome, index, isHit)),
  }
}

/** Actions with three outputs and a log each. */
function actions(maker: BlobMaker): ActionOutcome[] {
  const outputs = maker.make('outputs', 600, 4 * KIB)
  const logs = maker.make('logs', 200, 200)
  return maker.make('inputs', 200, 150).map((input, index) => ({
    action: actionOver(input),
    outputs: outputs.slice(index * 3, index * 3 + 3),
    log: logs[index] ?? input,
  }))
}

function findMissing(blobCount: number): Operation {
  // Half of them are there.
  const split = (maker: BlobMaker): Blob[][] => ['present', 'absent'].map((label) => maker.make(label, blobCount, 64))
  return {
    operation: `FindMissingBlobs of ${blobCount.toLocaleString('en')}`,
    protocol: 'grpc',
    contentBytes: 0,
    messageBytes: blobCount * 72,
    repeats: true,
    setUp: (maker) => [stored(split(maker)[0] ?? [])],
    requests(maker) {
      const [present = [], absent = []] = split(maker)
      const mixed = present.flatMap(({ digest }, index) => [digest, absent[index]?.digest ?? digest])
      const parts = [mixed.slice(0, blobCount), mixed.slice(blobCount)]
      return Array.from({ length: 16 }, (_, index) => findMissingBlobs(parts[index % 2] ?? [], index))
    },
  }
}

function batchRead(blobCount: number, sizeBytes: number): Operation {
  const make = (maker: BlobMaker): Blob[] => maker.make('batched', blobCount * 8, sizeBytes)
  return {
    operation: `BatchReadBlobs of ${batchName(blobCount, sizeBytes)}`,
    protocol: 'grpc',
    contentBytes: blobCount * sizeBytes,
    repeats: true,
    setUp: (maker) => [stored(make(maker))],
    requests: (maker) => inBatches(make(maker), blobCount).map(batchReadBlobs),
  }
}

function batchUpdate(blobCount: number, sizeBytes: number): Operation {
  return {
    operation: `BatchUpdateBlobs of ${batchName(blobCount, sizeBytes)}`,
    protocol: 'grpc',
    contentBytes: blobCount * sizeBytes,
    repeats: false,
    setUp: () => [],
    *requests(maker, round, count) {
      for (let index = 0; index < count; index += 1) {
        yield batchUpdateBlobs(maker.make(`new ${round} ${index}`, blobCount, sizeBytes), index)
      }
    },
  }
}

function byteStreamRead(sizeBytes: number, compressor: StreamCompressor): Operation {
  const make = (maker: BlobMaker): Blob[] => maker.make('streamed', storedCount(sizeBytes), sizeBytes)
  return {
    operation: `ByteStream.Read of ${sizeName(sizeBytes)}, ${compressor}`,
    protocol: 'grpc',
    contentBytes: sizeBytes,
    repeats: true,
    setUp: (maker) => [stored(make(maker))],
    requests: (maker) => make(maker).map((blob, index) => readBlob(blob, index, compressor)),
  }
}

function byteStreamWrite(sizeBytes: number, compressor: StreamCompressor): Operation {
  return {
    operation: `ByteStream.Write of ${sizeName(sizeBytes)}, ${compressor}`,
    protocol: 'grpc',
    contentBytes: sizeBytes,
    repeats: false,
    setUp: () => [],
    *requests(maker, round, count) {
      for (let index = 0; index < count; index += 1)
        yield writeBlob(newBlob(maker, round, index, sizeBytes), index, compressor)
    },
  }
}

function get(sizeBytes: number): Operation {
  const make = (maker: BlobMaker): Blob[] => maker.make('served', storedCount(sizeBytes), sizeBytes)
  return {
    operation: `HTTP GET of ${sizeName(sizeBytes)}`,
    protocol: 'http',
    contentBytes: sizeBytes,
    repeats: true,
    setUp: (maker) => [make(maker).map(httpPut)],
    requests: (maker) => make(maker).map(httpGet),
  }
}

function put(sizeBytes: number): Operation {
  return {
    operation: `HTTP PUT of ${sizeName(sizeBytes)}`,
    protocol: 'http',
    contentBytes: sizeBytes,
    repeats: false,
    setUp: () => [],
    *requests(maker, round, count) {
      for (let index = 0; index < count; index += 1) yield httpPut(newBlob(maker, round, index, sizeBytes))
    },
  }
}

function newBlob(maker: BlobMaker, round: number, index: number, sizeBytes: number): Blob {
  const [blob] = maker.make(`new ${round} ${index}`, 1, sizeBytes)
  if (blob === undefined) throw new Error('no blob was made')
  return blob
}

/** So many different blobs of a size are there to be read. */
function storedCount(sizeBytes: number): number {
  return Math.max(2, Math.min(500, Math.floor((32 * MIB) / sizeBytes)))
}

/** The requests that store blobs. */
function stored(blobs: readonly Blob[]): PreparedRequest[] {
  if ((blobs[0]?.bytes.byteLength ?? 0) > MIB) return blobs.map((blob, index) => writeBlob(blob, index, 'identity'))
  const perBatch = Math.max(1, Math.min(500, Math.floor(MIB / (blobs[0]?.bytes.byteLength ?? 1))))
  return inBatches(blobs, perBatch).map(batchUpdateBlobs)
}

function batchName(blobCount: number, sizeBytes: number): string {
  return `${blobCount} x ${sizeName(sizeBytes)}`
}

function sizeName(sizeBytes: number): string {
  if (sizeBytes < KIB) return `${sizeBytes} B`
  return sizeBytes < MIB ? `${sizeBytes / KIB} KiB` : `${sizeBytes / MIB} MiB`
}
