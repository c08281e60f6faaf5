import type { Digest, DigestFunction } from '@caskade/core'
import { createDigest, StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import { DigestFunction_Value as Value } from './messages.ts'

/** A digest as the messages have it, without what the code generator adds. */
export interface WireDigest {
  readonly hash: string
  readonly sizeBytes: bigint
}

/** A digest of a request, whoever read it. */
export interface UncheckedDigest {
  readonly hash: string
  readonly sizeBytes: bigint | number
}

/** The digest functions of the protocol that can name a blob here. */
const FUNCTIONS: ReadonlyMap<number, DigestFunction> = new Map([
  [Value.SHA256, 'sha256'],
  [Value.SHA1, 'sha1'],
  [Value.SHA384, 'sha384'],
  [Value.SHA512, 'sha512'],
  [Value.BLAKE3, 'blake3'],
])

/** The function that a hash of so many characters was made with when nothing else is said; BLAKE3 must be said. */
const FUNCTION_BY_LENGTH: ReadonlyMap<number, DigestFunction> = new Map([
  [64, 'sha256'],
  [40, 'sha1'],
  [96, 'sha384'],
  [128, 'sha512'],
])

/** The digest function that made a hash when nothing says which, told from its length. */
export function inferDigestFunction({ length }: string): DigestFunction {
  return FUNCTION_BY_LENGTH.get(length) ?? 'sha256'
}

/** The protocol's number for a digest function. */
export function wireFunctionOf(digestFunction: DigestFunction): Value {
  for (const [value, name] of FUNCTIONS) if (name === digestFunction) return value as Value
  return Value.UNKNOWN
}

/** Reads digests of requests, accepting only the digest functions that are offered. */
export class DigestReader {
  readonly functions: readonly DigestFunction[]

  constructor(functions: readonly DigestFunction[]) {
    this.functions = functions
  }

  /**
   * Reads a digest of a request that names `requested` as its digest function.
   *
   * @throws GrpcError `INVALID_ARGUMENT` when it is missing or malformed, or its function is not offered.
   */
  read(digest: UncheckedDigest | undefined, requested: number, what = 'digest'): Digest {
    if (digest === undefined) throw new GrpcError(StatusCode.INVALID_ARGUMENT, `${what}: it is missing`)
    const digestFunction = this.functionOf(requested, digest.hash)
    try {
      // Beyond the safe integers this rounds, to another number that is not safe and thus refused.
      return createDigest(digest.hash, Number(digest.sizeBytes), digestFunction)
    } catch (error) {
      if (!StorageError.is(error)) throw error
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, `${what}: ${error.message}`, { cause: error })
    }
  }

  /** The digest function that a request means: what it says, or else what the length of the hash tells. */
  functionOf(requested: number, hash: string): DigestFunction {
    const isSaid = requested !== Value.UNKNOWN
    const digestFunction = isSaid ? FUNCTIONS.get(requested) : inferDigestFunction(hash)
    if (digestFunction === undefined) throw this.#notOffered(nameOf(requested))
    this.assertOffered(digestFunction)
    return digestFunction
  }

  /**
   * Checks a digest function that was named in some other way.
   *
   * @throws GrpcError `INVALID_ARGUMENT` when it is not offered.
   */
  assertOffered(digestFunction: DigestFunction): void {
    if (!this.functions.includes(digestFunction)) throw this.#notOffered(digestFunction)
  }

  #notOffered(name: string): GrpcError {
    const message = `digest function ${name} is not supported here; supported: ${this.functions.join(', ')}`
    return new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }
}

/** Returns a digest as the messages have it. */
export function toWireDigest({ hash, sizeBytes }: Digest): WireDigest {
  return { hash, sizeBytes: BigInt(sizeBytes) }
}

function nameOf(value: number): string {
  return Object.entries(Value).find(([, each]) => each === value)?.[0] ?? String(value)
}
