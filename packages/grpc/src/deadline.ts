import { GrpcError } from './grpc-error.ts'
import { StatusCode } from './status-code.ts'

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 }

/** Timers take no more than this; a call does not last longer anyway. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Reads a `grpc-timeout` header as milliseconds: up to eight digits and a unit (gRPC over HTTP/2, "Timeout").
 *
 * @throws GrpcError `INVALID_ARGUMENT` when it is malformed.
 */
export function parseTimeout(value: string): number {
  const [, amount, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? []
  const unitMs = UNIT_MS[unit]
  if (amount === undefined || unitMs === undefined) {
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, `grpc-timeout: ${JSON.stringify(value)} is not a timeout`)
  }
  return Math.min(Math.ceil(Number(amount) * unitMs), MAX_TIMEOUT_MS)
}
