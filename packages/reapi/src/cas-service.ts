import { create } from '@bufbuild/protobuf'
import type { Digest, Status } from '@caskade/core'
import { FairBudget, StorageError, statusOfError } from '@caskade/core'
import type { CallContext, Method } from '@caskade/grpc'
import { GrpcError, serverStreamingMethod, StatusCode, unaryMethod } from '@caskade/grpc'
import type { BatchBuffers } from './batch-memory.ts'
import { BatchMemory } from './batch-memory.ts'
import { answerBatchRead } from './batch-read-response.ts'
import { codecOf, pathOf } from './codec.ts'
import type { DigestReader } from './digests.ts'
import type { BatchReadItem, BatchReadRequest } from './hot/batch-read-messages.ts'
import { decodeBatchReadRequest, encodeBatchReadResponse } from './hot/batch-read-messages.ts'
import type { BatchUpdateAnswer, BatchUpdateItem, BatchUpdateRequest } from './hot/batch-update-messages.ts'
import { decodeBatchUpdateRequest, encodeBatchUpdateResponse } from './hot/batch-update-messages.ts'
import type { FindMissingRequest, FindMissingResponse } from './hot/find-missing-messages.ts'
import { decodeFindMissingRequest, encodeFindMissingResponse } from './hot/find-missing-messages.ts'
import type { Directory, GetTreeRequest, GetTreeResponse } from './messages.ts'
import { Compressor_Value as Compressor, ContentAddressableStorage, GetTreeResponseSchema } from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'
import type { ReapiUse } from './reapi-use.ts'
import { toRpcStatus } from './status-mapping.ts'
import { TreeLimits } from './tree-limits.ts'
import { walkTree } from './tree-reader.ts'
import { mapInTurns, WorkTurns } from './work-turns.ts'
import { decompressSmall } from './zstd.ts'

/** How many blobs a batch may name: what is larger than 100 bytes reaches the limit in bytes before. */
const MAX_BATCH_ITEMS = 40_000

/** What clients receive in one message unless they are told otherwise, in bytes. */
const DEFAULT_RECEIVED_BYTES = 4 * 1024 * 1024

/** What a batch may come to besides its blobs where more than that is configured, in bytes. */
const BATCH_OVERHEAD_BYTES = 256 * 1024

/** Batches up to this size are read without being counted: a call takes as much anyway. */
const UNCOUNTED_BYTES = 16 * 1024

/** What the directories of one message of GetTree come to at most, in bytes. */
const TREE_MESSAGE_BYTES = 2 * 1024 * 1024

/** How many directories one message of GetTree holds when the client does not say. */
const TREE_PAGE_SIZE = 1000

/** A blob of a batch that is to be stored. */
interface BatchItem {
  /** What it comes to once it is decompressed. */
  readonly sizeBytes: number
  readonly content: () => Promise<readonly [Digest, Uint8Array]>
}

/** The answers to a batch that was read. */
interface BatchRead {
  readonly items: readonly BatchReadItem[]
  /** What holds their content, as far as it was lent for it and may be used again. */
  readonly buffers: BatchBuffers | undefined
}

/** `ContentAddressableStorage`: blobs in batches, and trees. */
export class CasService {
  readonly #settings: ReapiSettings
  readonly #digests: DigestReader
  /** The bytes of batches that are read and not yet sent. */
  readonly #responses: FairBudget
  readonly #memory = new BatchMemory()

  constructor(settings: ReapiSettings, digests: DigestReader) {
    this.#settings = settings
    this.#digests = digests
    this.#responses = new FairBudget({ max: settings.maxResponseBytes })
  }

  methods(): Method[] {
    const { findMissingBlobs, batchUpdateBlobs, batchReadBlobs, getTree } = ContentAddressableStorage.method
    return [
      unaryMethod(
        { path: pathOf(findMissingBlobs), decode: decodeFindMissingRequest, encode: encodeFindMissingResponse },
        (request, call) => this.#findMissingBlobs(request, call),
      ),
      unaryMethod(
        { path: pathOf(batchUpdateBlobs), decode: decodeBatchUpdateRequest, encode: encodeBatchUpdateResponse },
        (request, call) => this.#batchUpdateBlobs(request, call),
      ),
      unaryMethod(
        {
          path: pathOf(batchReadBlobs),
          decode: decodeBatchReadRequest,
          encode: ({ items }: BatchRead) => encodeBatchReadResponse(items),
          onTaken: ({ buffers }: BatchRead) => buffers?.giveBack(),
        },
        (request, call) => this.#batchReadBlobs(request, call),
      ),
      serverStreamingMethod(codecOf(getTree), (request, call) => this.#getTree(request, call)),
    ]
  }

  async #findMissingBlobs(
    { instanceName, blobDigests, digestFunction }: FindMissingRequest,
    call: CallContext,
  ): Promise<FindMissingResponse> {
    const { backend, assertInstance, onUse } = this.#settings
    assertInstance(instanceName)
    const digests = await this.#digests.readAll(blobDigests, digestFunction)
    const missing = await backend.storage.missingBlobs(digests, { signal: call.signal })
    onUse(queryUse(digests, missing), call)
    return { asked: blobDigests, digests, missing }
  }

  async #batchUpdateBlobs(
    { instanceName, requests, digestFunction }: BatchUpdateRequest,
    call: CallContext,
  ): Promise<readonly BatchUpdateAnswer[]> {
    this.#settings.assertInstance(instanceName)
    assertBatchCount(requests.length)
    const items = await mapInTurns(requests, (request) => this.#checkBatchItem(request, digestFunction))
    this.#assertBatchSize(items.map(({ sizeBytes }) => sizeBytes))
    const blobs: (readonly [Digest, Uint8Array])[] = []
    const failures: (Status | undefined)[] = []
    // One after the other: decompression needs memory of its own.
    const turns = new WorkTurns()
    for (const item of items) {
      const turn = turns.take()
      if (turn !== undefined) await turn
      const outcome = await item.content().catch(failureStatus)
      const isFailed = 'code' in outcome
      failures.push(isFailed ? outcome : undefined)
      if (!isFailed) blobs.push(outcome)
    }
    const statuses = await this.#settings.backend.storage.bulkUpdateBlobs(blobs, { signal: call.signal })
    const kept = blobs.filter((_, index) => statuses[index]?.code === 'ok').map(([, bytes]) => bytes.byteLength)
    this.#settings.onUse({ kind: 'write', blobs: kept.length, bytes: sumOf(kept), isKnown: false }, call)
    const stored = statuses.values()
    return requests.map(({ digest, digestBytes }, index) => ({
      digest,
      digestBytes,
      status: toRpcStatus(failures[index] ?? stored.next().value ?? unanswered),
    }))
  }

  /** Looks at one blob of a batch without decompressing it; what is wrong with it is told by `content`. */
  #checkBatchItem({ digest: wireDigest, data, compressor }: BatchUpdateItem, digestFunction: number): BatchItem {
    const failed = (error: unknown): BatchItem => ({ sizeBytes: data.byteLength, content: async () => raise(error) })
    try {
      const digest = this.#digests.read(wireDigest, digestFunction)
      if (compressor === Compressor.IDENTITY) return { sizeBytes: data.byteLength, content: async () => [digest, data] }
      if (compressor === Compressor.ZSTD) {
        return {
          sizeBytes: digest.sizeBytes,
          content: async () => [digest, await decompressSmall(data, digest.sizeBytes)],
        }
      }
      return failed(new StorageError('invalid-argument', `compressor ${compressor} is not supported, only ZSTD`))
    } catch (error) {
      return failed(error)
    }
  }

  async #batchReadBlobs(
    { instanceName, digests: wireDigests, digestFunction, acceptableCompressors }: BatchReadRequest,
    call: CallContext,
  ): Promise<BatchRead> {
    this.#settings.assertInstance(instanceName)
    assertBatchCount(wireDigests.length)
    const digests = await mapInTurns(wireDigests, (digest) => this.#digests.read(digest, digestFunction))
    const batchBytes = this.#assertBatchSize(digests.map(({ sizeBytes }) => sizeBytes))
    if (batchBytes > UNCOUNTED_BYTES) call.whenOver(await this.#responses.acquire(batchBytes, call))
    // A byte more for each, by which a storage sees that there is no more.
    const buffers = this.#memory.lend(batchBytes + digests.length)
    const outcomes = await this.#readAll(digests, call.signal, buffers)
    const sizes = [...outcomes.values()].flatMap((outcome) => ('byteLength' in outcome ? [outcome.byteLength] : []))
    this.#settings.onUse({ kind: 'read', blobs: sizes.length, bytes: sumOf(sizes) }, call)
    const items = await answerBatchRead(digests, outcomes, {
      maxBytes: Math.max(DEFAULT_RECEIVED_BYTES, this.#settings.maxBatchBytes + BATCH_OVERHEAD_BYTES),
      isZstdAccepted: acceptableCompressors.includes(Compressor.ZSTD),
    })
    return { items, buffers }
  }

  async #readAll(
    digests: readonly Digest[],
    signal: AbortSignal,
    buffers?: BatchBuffers,
  ): Promise<Map<string, Uint8Array | Status>> {
    const { storage } = this.#settings.backend
    try {
      return await storage.bulkReadBlobs(digests, { signal, buffers })
    } catch (error) {
      buffers?.abandon()
      signal.throwIfAborted()
      if (digests.length === 1) return new Map([[digests[0]?.hash ?? '', statusOfError(error)]])
    }
    const outcomes = new Map<string, Uint8Array | Status>()
    for (const digest of digests) {
      if (outcomes.has(digest.hash)) continue
      for (const [hash, outcome] of await this.#readAll([digest], signal)) outcomes.set(hash, outcome)
    }
    return outcomes
  }

  async *#getTree(
    { instanceName, rootDigest, digestFunction, pageSize, pageToken }: GetTreeRequest,
    { signal }: CallContext,
  ): AsyncGenerator<GetTreeResponse, void, undefined> {
    const { backend, maxTreeBytes, assertInstance } = this.#settings
    assertInstance(instanceName)
    const root = this.#digests.read(rootDigest, digestFunction, 'root_digest')
    const skip = parsePageToken(pageToken)
    if (pageSize < 0) throw new GrpcError(StatusCode.INVALID_ARGUMENT, `page_size ${pageSize} is negative`)
    const maxCount = pageSize === 0 ? TREE_PAGE_SIZE : pageSize
    let page: Directory[] = []
    let pageBytes = 0
    let walked = 0
    const walk = walkTree(root, {
      storage: backend.storage,
      digests: this.#digests,
      requestedFunction: digestFunction,
      limits: new TreeLimits(maxTreeBytes),
      signal,
    })
    for await (const { directory, digest } of walk) {
      walked += 1
      if (walked <= skip) continue
      if (page.length >= maxCount || (page.length > 0 && pageBytes + digest.sizeBytes > TREE_MESSAGE_BYTES)) {
        yield create(GetTreeResponseSchema, { directories: page, nextPageToken: String(walked - 1) })
        page = []
        pageBytes = 0
      }
      page.push(directory)
      pageBytes += digest.sizeBytes
    }
    if (walked === 0) throw new GrpcError(StatusCode.NOT_FOUND, `the root ${root.hash}/${root.sizeBytes} is not stored`)
    yield create(GetTreeResponseSchema, { directories: page })
  }

  /** Returns what the blobs come to, in bytes. */
  #assertBatchSize(sizes: readonly number[]): number {
    const total = sumOf(sizes)
    if (total <= this.#settings.maxBatchBytes) return total
    const message = `the batch comes to ${total} bytes, at most ${this.#settings.maxBatchBytes} are allowed; use ByteStream`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }
}

function sumOf(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}

function queryUse(digests: readonly Digest[], missing: readonly Digest[]): ReapiUse {
  return {
    kind: 'query',
    presentBlobs: digests.length - missing.length,
    presentBytes: totalBytes(digests) - totalBytes(missing),
    missingBlobs: missing.length,
  }
}

function totalBytes(digests: readonly Digest[]): number {
  let total = 0
  for (const { sizeBytes } of digests) total += sizeBytes
  return total
}

/** Before anything is made of the items: each has an answer, however little there is to it. */
function assertBatchCount(count: number): void {
  if (count <= MAX_BATCH_ITEMS) return
  const message = `the batch has ${count} blobs, at most ${MAX_BATCH_ITEMS} are allowed`
  throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
}

const unanswered: Status = { code: 'unknown', message: 'the storage gave no answer for this blob' }

function raise(error: unknown): never {
  throw error
}

function failureStatus(error: unknown): Status {
  if (!GrpcError.is(error)) return statusOfError(error)
  return { code: 'invalid-argument', message: error.message }
}

/** The token is the number of directories that came before; the order of a tree never changes. */
function parsePageToken(pageToken: string): number {
  if (pageToken === '') return 0
  if (/^[0-9]{1,9}$/.test(pageToken)) return Number(pageToken)
  throw new GrpcError(
    StatusCode.INVALID_ARGUMENT,
    `page_token ${JSON.stringify(pageToken.slice(0, 50))} is not one of ours`,
  )
}
