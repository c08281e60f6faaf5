import type { JsonValue } from '@bufbuild/protobuf'
import { fromBinary, fromJson, toJsonString } from '@bufbuild/protobuf'
import type { Claimant, Digest, OperationOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { ActionName, ActionResults } from './action-results.ts'
import { decodeResult } from './action-results.ts'
import { assertNotTooDense, MAX_REQUEST_FIELDS } from './codec.ts'
import type { ActionResult } from './messages.ts'
import { ActionResultSchema } from './messages.ts'

/** How a result is written: as the messages of gRPC are, or as canonical JSON (Protocol Buffers, "ProtoJSON Format"). */
export type ActionResultFormat = 'binary' | 'json'

/**
 * Results of actions as bytes, for protocols other than gRPC. They are the same that gRPC serves: found only while all blobs
 * that they name are there.
 */
export class EncodedActionResults {
  readonly #results: ActionResults

  constructor(results: ActionResults) {
    this.#results = results
  }

  /** Resolves to the result of an action, or to null when there is none that can be used. */
  async get(
    instanceName: string,
    action: Digest,
    { format, ...claimant }: Claimant & { readonly format: ActionResultFormat },
  ): Promise<Uint8Array | null> {
    const found = await withStorageErrors(this.#results.find(nameOf(instanceName, action), claimant))
    if (found.bytes === null || format === 'binary') return found.bytes
    const result = decodeResult(found.bytes)
    if (result === null) return null
    // Messages of others, whose types nobody here knows, and which have no form as JSON therefore.
    if (result.executionMetadata !== undefined) result.executionMetadata.auxiliaryMetadata = []
    return Buffer.from(toJsonString(ActionResultSchema, result))
  }

  /**
   * Stores the result of an action.
   *
   * @throws StorageError `invalid-argument` when `bytes` are not a result, or one that makes no sense.
   */
  async put(
    instanceName: string,
    action: Digest,
    bytes: Uint8Array,
    { format, signal }: OperationOptions & { readonly format: ActionResultFormat },
  ): Promise<void> {
    const result = parse(bytes, format)
    await withStorageErrors(this.#results.store(nameOf(instanceName, action), result, { signal }))
  }
}

function nameOf(instanceName: string, action: Digest): ActionName {
  return { instanceName, action, requestedFunction: 0 }
}

function parse(bytes: Uint8Array, format: ActionResultFormat): ActionResult {
  try {
    return format === 'binary' ? parseBinary(bytes) : parseJson(bytes)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StorageError('invalid-argument', `the body is not an ActionResult (${format}): ${reason}`, {
      cause: error,
    })
  }
}

function parseBinary(bytes: Uint8Array): ActionResult {
  assertNotTooDense(ActionResultSchema, bytes)
  return fromBinary(ActionResultSchema, bytes)
}

function parseJson(bytes: Uint8Array): ActionResult {
  assertJsonNotTooDense(bytes)
  const result = JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue & JsonResult
  // As above.
  delete result?.executionMetadata?.auxiliaryMetadata
  return fromJson(ActionResultSchema, result, { ignoreUnknownFields: true })
}

/** What a result as JSON may have that is looked at before it is read. */
type JsonResult = { executionMetadata?: { auxiliaryMetadata?: JsonValue } | null } | null

/** Every value but the first of an object or an array comes after one of these; each may become an object of hundreds of bytes. */
const VALUE_STARTS = new Set(Buffer.from('{[,'))

function assertJsonNotTooDense(bytes: Uint8Array): void {
  let count = 0
  for (const byte of bytes) if (VALUE_STARTS.has(byte)) count += 1
  if (count > MAX_REQUEST_FIELDS) throw new RangeError(`it has more than ${MAX_REQUEST_FIELDS} values`)
}

/** What is wrong with a result is told by gRPC's names for it, which mean nothing to other protocols. */
async function withStorageErrors<Result>(operation: Promise<Result>): Promise<Result> {
  try {
    return await operation
  } catch (error) {
    if (!GrpcError.is(error)) throw error
    const code = error.code === StatusCode.INVALID_ARGUMENT ? 'invalid-argument' : 'unknown'
    throw new StorageError(code, error.message, { cause: error })
  }
}
