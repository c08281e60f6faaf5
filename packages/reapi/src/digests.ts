import { setImmediate } from 'node:timers/promises'
import type { Digest, DigestFunction } from '@caskade/core'
import { createDigest, StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { DigestFields } from './hot/digest-fields.ts'
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
  return functionOfLength(length)
}

function functionOfLength(hashLength: number): DigestFunction {
  return FUNCTION_BY_LENGTH.get(hashLength) ?? 'sha256'
}

/** The protocol's number for a digest function. */
export function wireFunctionOf(digestFunction: DigestFunction): Value {
  for (const [value, name] of FUNCTIONS) if (name === digestFunction) return value as Value
  return Value.UNKNOWN
}

/** How many digests of a message are read before the others get their turn: some 2 milliseconds' worth. */
const READ_TOGETHER = 8000

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
      throw refusal(error, what)
    }
  }

  /** Reads all digests of a request at once, likewise; resolves to them in their order. */
  async readAll(fields: DigestFields, requested: number): Promise<Digest[]> {
    const digests: Digest[] = []
    while (digests.length < fields.count) {
      if (digests.length > 0) await setImmediate()
      this.#readSome(fields, requested, digests)
    }
    return digests
  }

  #readSome(fields: DigestFields, requested: number, digests: Digest[]): void {
    const end = Math.min(fields.count, digests.length + READ_TOGETHER)
    try {
      for (let index = digests.length; index < end; index += 1) {
        digests.push(fields.read(index, this.#functionFor(requested, fields.hashLength(index))))
      }
    } catch (error) {
      throw refusal(error, 'digest')
    }
  }

  /** The digest function that a request means: what it says, or else what the length of the hash tells. */
  functionOf(requested: number, { length }: string): DigestFunction {
    return this.#functionFor(requested, length)
  }

  #functionFor(requested: number, hashLength: number): DigestFunction {
    const isSaid = requested !== Value.UNKNOWN
    const digestFunction = isSaid ? FUNCTIONS.get(requested) : functionOfLength(hashLength)
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

/** What a client is told of a digest that cannot be read. */
function refusal(error: unknown, what: string): unknown {
  if (!StorageError.is(error)) return error
  return new GrpcError(StatusCode.INVALID_ARGUMENT, `${what}: ${error.message}`, { cause: error })
}

function nameOf(value: number): string {
  return Object.entries(Value).find(([, each]) => each === value)?.[0] ?? String(value)
}
