import { StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import { expect, test } from 'vitest'
import { mapStorageErrorCode, toGrpcError } from './index.ts'

test.each([
  ['corrupt', 'DATA_LOSS', 500],
  ['invalid-argument', 'INVALID_ARGUMENT', 400],
  ['no-space', 'FAILED_PRECONDITION', 507],
  ['too-large', 'INVALID_ARGUMENT', 413],
  ['not-running', 'UNAVAILABLE', 503],
  ['unavailable', 'UNAVAILABLE', 503],
  ['permission-denied', 'PERMISSION_DENIED', 500],
  ['unsupported', 'UNIMPLEMENTED', 501],
  ['unknown', 'INTERNAL', 500],
  ['a-code-of-some-provider', 'INTERNAL', 500],
  ['constructor', 'INTERNAL', 500],
] as const)('%s is told as %s and %i', (code, grpc, http) => {
  expect(mapStorageErrorCode(code)).toEqual({ grpc: StatusCode[grpc], http })
  expect(toGrpcError(new StorageError(code, 'why'))).toMatchObject({ code: StatusCode[grpc], message: 'why' })
})

test('what is no error of the storage is INTERNAL without its message; what is meant for clients passes', () => {
  expect(toGrpcError(new RangeError('secret'))).toMatchObject({ code: StatusCode.INTERNAL, message: 'internal error' })
  const error = new GrpcError(StatusCode.ABORTED, 'again')
  expect(toGrpcError(error)).toBe(error)
})
