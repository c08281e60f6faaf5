import { decodeHuffman } from './huffman.ts'
import { ConnectionError, ErrorCode } from './protocol.ts'
import { STATIC_TABLE } from './static-table.ts'

/** What a client may have us remember of its header fields, in bytes as they are counted there (RFC 7541, section 4.1). */
export const HEADER_TABLE_BYTES = 4096

/** What a field counts for besides its name and value, in bytes (RFC 7541, section 4.1). */
const FIELD_OVERHEAD_BYTES = 32

/** No number in a header block can be larger than this and make sense; those of more bytes are not even read. */
const MAX_INTEGER_BYTES = 4

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/

const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/

/** A header field. */
export interface Field {
  readonly name: string
  readonly value: string
  /** Whether it is one that a message may have (RFC 9113, section 8.2.1). */
  readonly isValid: boolean
}

const STATIC_FIELDS: readonly Field[] = STATIC_TABLE.map(([name, value]) => ({ name, value, isValid: true }))

/** Decodes the header blocks of one connection, in the order in which they arrive (RFC 7541). */
export class HeaderDecoder {
  /** The fields that the client had us remember, the newest last. */
  readonly #table: Field[] = []
  #tableBytes = 0
  #maxTableBytes = HEADER_TABLE_BYTES
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0

  /**
   * Decodes a whole block. Returns undefined when its fields come to more than `maxBytes`, as counted for the table.
   *
   * @throws ConnectionError `COMPRESSION_ERROR` when it is malformed, after which nothing can be decoded any more.
   */
  decode(block: Buffer, maxBytes: number): Field[] | undefined {
    this.#bytes = block
    this.#at = 0
    const fields: Field[] = []
    let listBytes = 0
    while (this.#at < block.byteLength) {
      const first = block[this.#at] as number
      // "Dynamic Table Size Update" (RFC 7541, section 6.3).
      if ((first & 0xe0) === 0x20) {
        if (listBytes > 0) throw malformed('the size of the table changes in the middle of a block')
        this.#resizeTable(this.#readInteger(0x1f))
        continue
      }
      const field = this.#readField(first)
      listBytes += sizeOf(field)
      // What is too much is decoded all the same: it may change the table.
      if (listBytes <= maxBytes) fields.push(field)
    }
    return listBytes <= maxBytes ? fields : undefined
  }

  #readField(first: number): Field {
    // "Indexed Header Field Representation" (RFC 7541, section 6.1).
    if (first >= 0x80) return this.#lookUp(this.#readInteger(0x7f))
    // "Literal Header Field with Incremental Indexing" (section 6.2.1); the others, without and never (6.2.2, 6.2.3), are read alike.
    const isRemembered = first >= 0x40
    const index = this.#readInteger(isRemembered ? 0x3f : 0x0f)
    const known = index === 0 ? undefined : this.#lookUp(index)
    const name = known?.name ?? this.#readString()
    const value = this.#readString()
    const isNameValid = known === undefined ? NAME.test(name) : known.isValid
    const field = { name, value, isValid: isNameValid && !BAD_VALUE.test(value) }
    if (isRemembered) this.#remember(field)
    return field
  }

  #lookUp(index: number): Field {
    const field =
      index <= STATIC_FIELDS.length
        ? STATIC_FIELDS[index - 1]
        : this.#table[this.#table.length - (index - STATIC_FIELDS.length)]
    if (field === undefined) throw malformed(`there is no field ${index}`)
    return field
  }

  #remember(field: Field): void {
    this.#tableBytes += sizeOf(field)
    this.#table.push(field)
    this.#evict()
  }

  #resizeTable(bytes: number): void {
    if (bytes > HEADER_TABLE_BYTES) throw malformed(`a table of ${bytes} bytes was not offered`)
    this.#maxTableBytes = bytes
    this.#evict()
  }

  #evict(): void {
    while (this.#tableBytes > this.#maxTableBytes) this.#tableBytes -= sizeOf(this.#table.shift() as Field)
  }

  /** "Integer Representation" (RFC 7541, section 5.1); `mask` is the prefix, all bits set. */
  #readInteger(mask: number): number {
    let value = this.#readByte() & mask
    if (value < mask) return value
    for (let count = 0; count < MAX_INTEGER_BYTES; count += 1) {
      const byte = this.#readByte()
      value += (byte & 0x7f) * 2 ** (7 * count)
      if (byte < 0x80) return value
    }
    throw malformed('a number is too large')
  }

  /** "String Literal Representation" (RFC 7541, section 5.2). */
  #readString(): string {
    const isCoded = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0
    const length = this.#readInteger(0x7f)
    const start = this.#at
    this.#at += length
    if (this.#at > this.#bytes.byteLength) throw malformed('it ends in the middle of a string')
    if (!isCoded) return this.#bytes.toString('latin1', start, this.#at)
    const text = decodeHuffman(this.#bytes, start, this.#at)
    if (text === undefined) throw malformed('a string has a code that there is not')
    return text
  }

  #readByte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw malformed('it ends in the middle of a number')
    this.#at += 1
    return byte
  }
}

function sizeOf({ name, value }: Field): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES
}

function malformed(problem: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, `header block: ${problem}`)
}
