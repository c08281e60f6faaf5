import { GrpcError } from './grpc-error.ts'
import { StatusCode } from './status-code.ts'

/** Headers or trailers of HTTP/2, as Node.js gives and takes them. */
export type HeaderFields = Readonly<Record<string, string | string[] | undefined>>

/** The custom metadata of a call; names are lower case, and those that end in `-bin` have binary values. */
export class Metadata {
  readonly #fields: HeaderFields

  constructor(fields: HeaderFields = {}) {
    this.#fields = fields
  }

  /** Makes metadata of text and binary values. */
  static of(values: Readonly<Record<string, string | Uint8Array>>): Metadata {
    const fields = Object.entries(values).map(
      ([name, value]) => [name.toLowerCase(), encodeValue(name, value)] as const,
    )
    return new Metadata(Object.fromEntries(fields))
  }

  /** The first text value of a name; undefined when there is none. */
  get(name: string): string | undefined {
    const value = this.#fields[name.toLowerCase()]
    return typeof value === 'object' ? value[0] : value
  }

  /** All text values of a name, in the order received. */
  getAll(name: string): readonly string[] {
    const value = this.#fields[name.toLowerCase()]
    if (value === undefined) return []
    return typeof value === 'string' ? [value] : value
  }

  /**
   * All binary values of a name that ends in `-bin`, in the order received.
   *
   * @throws GrpcError `INVALID_ARGUMENT` when one is not base64.
   */
  getBinary(name: string): readonly Buffer[] {
    // Values of one name may arrive joined by commas, which base64 does not contain (gRPC over HTTP/2, "Custom-Metadata").
    return this.getAll(name).flatMap((value) => value.split(',').map((part) => decodeBase64(name, part.trim())))
  }

  /** The header fields, as sent. */
  toFields(): HeaderFields {
    return this.#fields
  }
}

function encodeValue(name: string, value: string | Uint8Array): string {
  if (typeof value === 'string') return value
  if (!name.toLowerCase().endsWith('-bin'))
    throw new TypeError(`metadata ${name}: only names ending in -bin take bytes`)
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}

function decodeBase64(name: string, value: string): Buffer {
  // Padding is optional on the wire.
  if (/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return Buffer.from(value, 'base64')
  throw new GrpcError(StatusCode.INVALID_ARGUMENT, `metadata ${name} is not base64`)
}
