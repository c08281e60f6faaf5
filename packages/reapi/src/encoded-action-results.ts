import { fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf'
import type { Digest, OperationOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { ActionName, ActionResults } from './action-results.ts'
import type { Claimant } from './fair-budget.ts'
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
    if (found.result === null) return null
    if (format === 'binary') return toBinary(ActionResultSchema, found.result)
    return Buffer.from(toJsonString(ActionResultSchema, found.result))
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
    if (format === 'binary') return fromBinary(ActionResultSchema, bytes)
    return fromJsonString(ActionResultSchema, Buffer.from(bytes).toString('utf8'), { ignoreUnknownFields: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new StorageError('invalid-argument', `the body is not an ActionResult (${format}): ${reason}`, {
      cause: error,
    })
  }
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
