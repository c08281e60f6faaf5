import { GrpcError } from './grpc-error.ts'
import { StatusCode } from './status-code.ts'

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 }

const MAX_DIGITS = 8

const CODE_OF_0 = 0x30

/**
 * Reads a `grpc-timeout` header as milliseconds: up to eight digits and a unit (gRPC over HTTP/2, "Timeout").
 *
 * @throws GrpcError `INVALID_ARGUMENT` when it is malformed.
 */
export function parseTimeout(value: string): number {
  const unitMs = UNIT_MS[value.slice(-1)]
  const amount = parseDigits(value, value.length - 1)
  if (amount === undefined || unitMs === undefined) {
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, `grpc-timeout: ${JSON.stringify(value)} is not a timeout`)
  }
  return Math.ceil(amount * unitMs)
}

/** Undefined when these are not one to eight digits. Every call has a timeout; a regular expression takes five times as long. */
function parseDigits(value: string, count: number): number | undefined {
  if (count < 1 || count > MAX_DIGITS) return undefined
  let number = 0
  for (let at = 0; at < count; at += 1) {
    const digit = value.charCodeAt(at) - CODE_OF_0
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return number
}
