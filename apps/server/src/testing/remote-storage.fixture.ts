import { randomUUID } from 'node:crypto'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  BlobInfo,
  BlobReader,
  BlobSource,
  Digest,
  DigestFunction,
  OperationOptions,
  ReadOptions,
  Status,
} from '@caskade/core'
import {
  assertHash,
  formatDigest,
  readerFromChunks,
  readSource,
  resolveRange,
  sourceFromBytes,
  StorageABC,
  StorageError,
} from '@caskade/core'
import { formatReadName, formatWriteName } from '@caskade/reapi'
import type { ReadResponse, WriteRequestSchema } from '@caskade/reapi/messages'
import { ByteStream, Capabilities } from '@caskade/reapi/messages'
import type { BulkContext } from './remote-bulk.fixture.ts'
import { findMissing, readBlobs, updateBlobs } from './remote-bulk.fixture.ts'
import type { RemoteCalls } from './remote-calls.fixture.ts'
import { cancelOnAbort } from './remote-calls.fixture.ts'
import { NOT_FOUND } from './remote-errors.fixture.ts'

/** How much of a blob one message of an upload carries at most, in bytes. */
const WRITE_MESSAGE_BYTES = 256 * 1024

/** What a batch may come to where the server names no limit, in bytes: it fits in the 4 MiB that is received by default. */
const DEFAULT_BATCH_BYTES = 3.75 * 1024 * 1024

/** What the protocol has no call for. */
export type BesideProtocol = Pick<StorageABC, 'deleteBlob' | 'resolveHash' | 'listBlobs'>

/** Where and how a {@link RemoteStorage} reaches its server. */
export interface RemoteStorageOptions {
  /** Opens the way to the server; called at every start, and what it returns is disposed at every stop. */
  readonly connect: () => RemoteCalls
  /** The instance name of every request. Default: none. */
  readonly instanceName?: string | undefined
  /** Deletes, lists and resolves in place of the protocol, which cannot. Default: nothing does, it is `unsupported`. */
  readonly beside?: BesideProtocol | undefined
}

/** What is there between a start and a stop. */
interface Connection {
  readonly calls: RemoteCalls
  readonly maxBatchBytes: number
  readonly maxBlobBytes: number
}

/**
 * Keeps blobs on a server of the Remote Execution API v2.
 *
 * Small blobs of the bulk methods travel in batches, everything else as streams, within the limits that the server
 * names; it verifies what it is sent. A reader is one call, which occupies the server until the reader is done with, and
 * fails with the connection.
 */
export class RemoteStorage extends StorageABC {
  static override readonly TYPE = 'Remote'

  readonly #connect: () => RemoteCalls
  readonly #instanceName: string
  readonly #beside: BesideProtocol
  #connection: Connection | undefined

  constructor({ connect, instanceName = '', beside = nothingBeside }: RemoteStorageOptions) {
    super()
    this.#connect = connect
    this.#instanceName = instanceName
    this.#beside = beside
  }

  protected override async onStart(): Promise<void> {
    const calls = this.#connect()
    try {
      const request = { instanceName: this.#instanceName }
      const { cacheCapabilities } = await calls.unary(Capabilities.method.getCapabilities, request)
      // Zero is no limit (Remote Execution API, CacheCapabilities).
      const maxBatchBytes = Number(cacheCapabilities?.maxBatchTotalSizeBytes ?? 0n) || DEFAULT_BATCH_BYTES
      const maxBlobBytes = Number(cacheCapabilities?.maxCasBlobSizeBytes ?? 0n) || Number.MAX_SAFE_INTEGER
      this.#connection = { calls, maxBatchBytes, maxBlobBytes }
    } catch (error) {
      calls[Symbol.dispose]()
      throw error
    }
  }

  protected override async onStop(): Promise<void> {
    this.#connection?.calls[Symbol.dispose]()
    this.#connection = undefined
  }

  override async hasBlob(digest: Digest, options: OperationOptions = {}): Promise<boolean> {
    this.assertReady(digest, options.signal)
    return (await this.missingBlobs([digest], options)).length === 0
  }

  override async missingBlobs(digests: readonly Digest[], options: OperationOptions = {}): Promise<Digest[]> {
    this.assertRunning(options.signal)
    return this.holding(() => findMissing(digests, this.#bulk(options)))
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    const { signal } = options
    this.assertReady(digest, signal)
    const { offset, length } = resolveRange(digest, options)
    const stream = this.#connected().calls.serverStream(ByteStream.method.read, {
      resourceName: formatReadName({ instanceName: this.#instanceName, digest, compressor: 'identity' }),
      // A limit of zero is none, so no bytes are asked for as those that follow the last one.
      readOffset: BigInt(length === 0 ? digest.sizeBytes : offset),
      readLimit: BigInt(offset + length === digest.sizeBytes ? 0 : length),
    })
    const endHold = this.hold()
    const release = (): void => {
      stream.cancel()
      endHold()
    }
    try {
      const responses = stream[Symbol.asyncIterator]()
      // Only what comes first tells that the blob is there.
      const first = await cancelOnAbort(stream, responses.next(), signal)
      return readerFromChunks(length, dataOf(first, responses), { signal, release })
    } catch (error) {
      release()
      if (StorageError.is(error, NOT_FOUND)) return null
      throw error
    }
  }

  override async commitWrite(digest: Digest, source: BlobSource, { signal }: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, signal)
    const { calls, maxBlobBytes } = this.#connected()
    if (digest.sizeBytes > maxBlobBytes) {
      const message = `Remote: blob ${formatDigest(digest)} exceeds the server's limit of ${maxBlobBytes} bytes`
      throw new StorageError('too-large', message, { digest })
    }
    const messages = (ending: AbortSignal): AsyncIterable<WriteMessage> => this.#writeMessages(digest, source, ending)
    const { committedSize } = await this.holding(() =>
      calls.clientStream(ByteStream.method.write, messages, { signal }),
    )
    if (committedSize === BigInt(digest.sizeBytes)) return
    const message = `Remote: the server has taken ${committedSize} bytes for all of blob ${formatDigest(digest)}`
    throw new StorageError('unknown', message, { digest })
  }

  override async bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options: OperationOptions = {},
  ): Promise<Status[]> {
    this.assertRunning(options.signal)
    const updateOne = (digest: Digest, bytes: Uint8Array): Promise<void> =>
      this.commitWrite(digest, sourceFromBytes(bytes), options)
    return this.holding(() => updateBlobs(blobs, updateOne, this.#bulk(options)))
  }

  override async bulkReadBlobs(
    digests: readonly Digest[],
    options: OperationOptions = {},
  ): Promise<Map<string, Uint8Array>> {
    this.assertRunning(options.signal)
    const readOne = async (digest: Digest): Promise<Uint8Array | null> =>
      (await this.getBlob(digest, options))?.bytes() ?? null
    return this.holding(() => readBlobs(digests, readOne, this.#bulk(options)))
  }

  override async deleteBlob(digest: Digest, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    await this.#beside.deleteBlob(digest, options)
  }

  override async resolveHash(
    hash: string,
    digestFunction?: DigestFunction,
    options: OperationOptions = {},
  ): Promise<Digest | null> {
    this.assertRunning(options.signal)
    assertHash(hash, digestFunction)
    return this.#beside.resolveHash(hash, digestFunction, options)
  }

  override async *listBlobs(options: OperationOptions = {}): AsyncGenerator<BlobInfo, void, undefined> {
    this.assertRunning(options.signal)
    yield* this.#beside.listBlobs(options)
  }

  /** The length is known to be right only at the end of the source, so a message of its own says that this is all. */
  async *#writeMessages(
    digest: Digest,
    source: BlobSource,
    signal: AbortSignal,
  ): AsyncGenerator<WriteMessage, void, undefined> {
    const name = { instanceName: this.#instanceName, digest, compressor: 'identity', uuid: randomUUID() } as const
    let resourceName = formatWriteName(name)
    let offset = 0
    for await (const chunk of readSource(source, digest, { signal })) {
      for (let at = 0; at < chunk.byteLength; at += WRITE_MESSAGE_BYTES) {
        const data = chunk.subarray(at, at + WRITE_MESSAGE_BYTES)
        yield { resourceName, writeOffset: BigInt(offset), data }
        resourceName = ''
        offset += data.byteLength
      }
    }
    yield { resourceName, writeOffset: BigInt(offset), finishWrite: true }
  }

  #bulk({ signal }: OperationOptions): BulkContext {
    const { calls, maxBatchBytes } = this.#connected()
    return { calls, maxBatchBytes, instanceName: this.#instanceName, signal }
  }

  #connected(): Connection {
    if (this.#connection !== undefined) return this.#connection
    throw new StorageError('not-running', 'Remote: the connection is closed')
  }
}

type WriteMessage = MessageInitShape<typeof WriteRequestSchema>

const nothingBeside: BesideProtocol = {
  deleteBlob: async () => unsupported('deleteBlob'),
  resolveHash: async () => unsupported('resolveHash'),
  listBlobs: () => unsupported('listBlobs'),
}

function unsupported(method: string): never {
  throw new StorageError('unsupported', `Remote: the Remote Execution API has no call for ${method}`)
}

async function* dataOf(
  first: IteratorResult<ReadResponse, void>,
  rest: AsyncIterator<ReadResponse, void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value.data
}
