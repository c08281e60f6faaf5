import type { Status, StorageErrorCode } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'

/** How a protocol tells a failure of the storage. */
export interface StatusMapping {
  readonly grpc: StatusCode
  readonly http: number
}

/**
 * The one table of how failures of the storage are told to clients.
 *
 * `no-space` is FAILED_PRECONDITION where the specification says RESOURCE_EXHAUSTED, because Bazel retries the latter
 * six times per action. `unknown` is INTERNAL: UNKNOWN is what proxies make of their own failures.
 */
const MAPPINGS: ReadonlyMap<StorageErrorCode, StatusMapping> = new Map([
  ['corrupt', { grpc: StatusCode.DATA_LOSS, http: 500 }],
  ['invalid-argument', { grpc: StatusCode.INVALID_ARGUMENT, http: 400 }],
  ['no-space', { grpc: StatusCode.FAILED_PRECONDITION, http: 507 }],
  ['too-large', { grpc: StatusCode.INVALID_ARGUMENT, http: 413 }],
  ['not-running', { grpc: StatusCode.UNAVAILABLE, http: 503 }],
  ['unavailable', { grpc: StatusCode.UNAVAILABLE, http: 503 }],
  ['permission-denied', { grpc: StatusCode.PERMISSION_DENIED, http: 500 }],
  ['unsupported', { grpc: StatusCode.UNIMPLEMENTED, http: 501 }],
])

const UNKNOWN: StatusMapping = { grpc: StatusCode.INTERNAL, http: 500 }

/** Looks up how a failure is told; codes that are not known here are told as `unknown`. */
export function mapStorageErrorCode(code: StorageErrorCode): StatusMapping {
  return MAPPINGS.get(code) ?? UNKNOWN
}

/** Makes of whatever a handler threw the error that the client is to see. */
export function toGrpcError(error: unknown): GrpcError {
  if (GrpcError.is(error)) return error
  if (!StorageError.is(error)) return new GrpcError(StatusCode.INTERNAL, 'internal error', { cause: error })
  const { grpc } = mapStorageErrorCode(error.code)
  return new GrpcError(grpc, error.message, { cause: error })
}

/** The parts of a `google.rpc.Status` for the outcome of one item of a bulk call. */
export function toRpcStatus(status: Status): { code: number; message: string } {
  if (status.code === 'ok') return { code: StatusCode.OK, message: '' }
  return { code: mapStorageErrorCode(status.code).grpc, message: 'message' in status ? status.message : '' }
}
