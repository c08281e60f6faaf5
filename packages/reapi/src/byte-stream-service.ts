import { create } from '@bufbuild/protobuf'
import type { Digest, ReadOptions } from '@caskade/core'
import { BufferPool, FairBudget, formatDigest, resolveRange, StorageError } from '@caskade/core'
import type { CallContext, Method } from '@caskade/grpc'
import { clientStreamingMethod, GrpcError, serverStreamingMethod, StatusCode, unaryMethod } from '@caskade/grpc'
import { codecOf, pathOf } from './codec.ts'
import type { DigestReader } from './digests.ts'
import type { QueryWriteStatusRequest, QueryWriteStatusResponse, ReadRequest, WriteResponse } from './messages.ts'
import { ByteStream, QueryWriteStatusResponseSchema, WriteResponseSchema } from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'
import type { BlobResource, UploadResource } from './resource-name.ts'
import { parseReadName, parseWriteName } from './resource-name.ts'
import type { WriteRequestMessage } from './stream-messages.ts'
import { decodeWriteRequest, encodeReadResponse } from './stream-messages.ts'
import type { Upload } from './upload.ts'
import type { UploadRegistry } from './upload-registry.ts'
import { compress, encoderBytes } from './zstd.ts'

/** How much of a blob one message of a read carries at most, in bytes: the least CPU per byte measured. */
const READ_MESSAGE_BYTES = 256 * 1024

/** `google.bytestream.ByteStream`: blobs of any size, as streams. */
export class ByteStreamService {
  readonly #settings: ReapiSettings
  readonly #digests: DigestReader
  readonly #uploads: UploadRegistry
  /** The memory that compressing downloads takes. */
  readonly #encoders: FairBudget
  /** No larger than a message, so that each message has a buffer of its own. */
  readonly #buffers = new BufferPool({ maxBytes: READ_MESSAGE_BYTES })

  constructor(settings: ReapiSettings, digests: DigestReader, uploads: UploadRegistry) {
    this.#settings = settings
    this.#encoders = new FairBudget({ max: settings.maxResponseBytes })
    this.#digests = digests
    this.#uploads = uploads
  }

  methods(): Method[] {
    const { read, write, queryWriteStatus } = ByteStream.method
    return [
      serverStreamingMethod(
        { ...codecOf(read), encode: encodeReadResponse, onTaken: (data) => this.#buffers.giveBack(data) },
        (request, call) => this.#read(request, call),
      ),
      clientStreamingMethod({ ...codecOf(write), path: pathOf(write), decode: decodeWriteRequest }, (requests, call) =>
        this.#write(requests, call),
      ),
      unaryMethod(codecOf(queryWriteStatus), (request, call) => this.#queryWriteStatus(request, call)),
    ]
  }

  async *#read(request: ReadRequest, call: CallContext): AsyncGenerator<Uint8Array, void, undefined> {
    const resource = this.#offered(parseReadName(request.resourceName))
    const range = readRange(request, resource)
    let hasSent = false
    try {
      for await (const chunk of this.#content(resource, range, call)) {
        hasSent = true
        yield* cut(chunk)
      }
      const { length: bytes } = resolveRange(resource.digest, range)
      this.#settings.onUse({ kind: 'read', blobs: 1, bytes }, call)
    } catch (error) {
      // Found damaged before a byte left, and dropped: it is missing now, and the client can act on that.
      if (!hasSent && StorageError.is(error, 'corrupt')) throw notStored(resource.digest)
      throw error
    }
  }

  async *#content(
    { digest, compressor }: BlobResource,
    range: ReadOptions,
    call: CallContext,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    // Before the blob is opened, so that those who wait hold nothing of the storage.
    if (compressor === 'zstd') call.whenOver(await this.#encoders.acquire(encoderBytes(digest), call))
    // What is compressed is another's to send.
    const buffers = compressor === 'zstd' ? undefined : this.#buffers
    const options = { ...range, buffers, signal: call.signal }
    await using reader = await this.#settings.backend.storage.getBlob(digest, options)
    if (reader === null) throw notStored(digest)
    yield* compressor === 'zstd' ? compress(reader) : reader
  }

  async #write(requests: AsyncIterable<WriteRequestMessage>, call: CallContext): Promise<WriteResponse> {
    const { signal } = call
    const { backend, onUse } = this.#settings
    const messages = requests[Symbol.asyncIterator]()
    const first = await messages.next()
    if (first.done === true) throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'Write: the first message is missing')
    const name = first.value.resourceName
    const resource = this.#offered(parseWriteName(name))
    this.#assertSize(resource)
    const { sizeBytes: bytes } = resource.digest
    if (await backend.storage.hasBlob(resource.digest, { signal })) {
      onUse({ kind: 'write', blobs: 1, bytes, isKnown: true }, call)
      return alreadyStored(resource)
    }
    const feeder = Symbol(name)
    const upload = await this.#beginOrResume(name, resource, first.value, feeder)
    try {
      await receive(upload, feeder, name, first.value, messages, call)
      // Without the signal: everything is here, and a client that is gone will look for it when it tries again.
      await upload.commit((source) => backend.storage.commitWrite(resource.digest, source))
    } catch (error) {
      // Only what a client may still complete is kept: its connection broke, or it stopped short.
      if (signal.aborted || error instanceof IncompleteWrite) await this.#uploads.leave(name, upload, feeder)
      else await this.#uploads.giveUp(name, upload, feeder)
      throw error
    }
    const committedSize = BigInt(upload.receivedBytes)
    await this.#uploads.end(name, upload)
    onUse({ kind: 'write', blobs: 1, bytes, isKnown: false }, call)
    return create(WriteResponseSchema, { committedSize })
  }

  async #beginOrResume(
    name: string,
    resource: UploadResource,
    { writeOffset }: WriteRequestMessage,
    feeder: symbol,
  ): Promise<Upload> {
    if (writeOffset === 0) return this.#uploads.begin(name, resource, feeder)
    const upload = this.#uploads.find(name)
    if (upload === undefined) {
      const message = `write_offset ${writeOffset}: nothing of this upload is here, begin at 0`
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
    }
    upload.assertOffset(writeOffset)
    this.#uploads.resume(name, feeder)
    return upload
  }

  async #queryWriteStatus(
    { resourceName }: QueryWriteStatusRequest,
    { signal }: CallContext,
  ): Promise<QueryWriteStatusResponse> {
    const { digest } = this.#offered(parseWriteName(resourceName))
    if (await this.#settings.backend.storage.hasBlob(digest, { signal })) {
      return create(QueryWriteStatusResponseSchema, { committedSize: BigInt(digest.sizeBytes), complete: true })
    }
    // Never NOT_FOUND for an upload nobody knows: Bazel takes that for a failure, and 0 for "begin anew".
    const committedSize = BigInt(this.#uploads.find(resourceName)?.receivedBytes ?? 0)
    return create(QueryWriteStatusResponseSchema, { committedSize, complete: false })
  }

  #offered<Resource extends BlobResource>(resource: Resource): Resource {
    this.#settings.assertInstance(resource.instanceName)
    this.#digests.assertOffered(resource.digest.digestFunction ?? 'sha256')
    return resource
  }

  #assertSize({ digest }: BlobResource): void {
    if (digest.sizeBytes <= this.#settings.maxBlobBytes) return
    const message = `blob ${formatDigest(digest)} exceeds the limit of ${this.#settings.maxBlobBytes} bytes`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }
}

/** The stream ended before `finish_write`; what arrived is kept for the client to go on. */
class IncompleteWrite extends GrpcError {}

/** Cuts a chunk into what fits a message, without copying. */
function* cut(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < chunk.byteLength; at += READ_MESSAGE_BYTES) yield chunk.subarray(at, at + READ_MESSAGE_BYTES)
}

function notStored(digest: Digest): GrpcError {
  return new GrpcError(StatusCode.NOT_FOUND, `blob ${formatDigest(digest)} is not stored`)
}

function readRange({ readOffset, readLimit }: ReadRequest, { digest, compressor }: BlobResource): ReadOptions {
  if (readOffset < 0n || readOffset > BigInt(digest.sizeBytes)) {
    throw new GrpcError(StatusCode.OUT_OF_RANGE, `read_offset ${readOffset} is not within ${digest.sizeBytes} bytes`)
  }
  if (readLimit < 0n) throw new GrpcError(StatusCode.INVALID_ARGUMENT, `read_limit ${readLimit} is negative`)
  if (readLimit > 0n && compressor !== 'identity') {
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'read_limit must be 0 for compressed blobs')
  }
  const length =
    readLimit === 0n ? undefined : Number(readLimit > BigInt(digest.sizeBytes) ? digest.sizeBytes : readLimit)
  return { offset: Number(readOffset), length }
}

/** The answer for a blob that is there: at once, without waiting for the rest of the upload. */
function alreadyStored({ digest, compressor }: UploadResource): WriteResponse {
  const committedSize = compressor === 'identity' ? BigInt(digest.sizeBytes) : -1n
  return create(WriteResponseSchema, { committedSize })
}

async function receive(
  upload: Upload,
  feeder: symbol,
  name: string,
  first: WriteRequestMessage,
  messages: AsyncIterator<WriteRequestMessage>,
  call: CallContext,
): Promise<void> {
  for (let message = first; ;) {
    if (message.resourceName !== '' && message.resourceName !== name) {
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'Write: the resource name changes within the call')
    }
    await upload.write(feeder, message.writeOffset, message.data)
    if (!upload.keepsChunks) call.reuse(message.data)
    if (message.finishWrite) {
      await upload.finish(feeder)
      return
    }
    const next = await messages.next()
    if (next.done === true) {
      const text = `Write: the stream ended without finish_write after ${upload.receivedBytes} bytes`
      throw new IncompleteWrite(StatusCode.INVALID_ARGUMENT, text)
    }
    message = next.value
  }
}
