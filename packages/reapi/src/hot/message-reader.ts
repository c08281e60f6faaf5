// Kinds of fields (Protocol Buffers, "Message Structure").
const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const START_GROUP = 3
const END_GROUP = 4
const FIXED32 = 5

const TWO_TO_32 = 2 ** 32

/**
 * Reads a message field by field, as the generated code does, but without an object for each, without BigInt, and strings
 * straight from the buffer. For the few messages that have thousands of fields.
 */
export class MessageReader {
  position = 0
  readonly #bytes: Buffer
  /** The halves of the last varint. */
  #low = 0
  #high = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.position >= this.#bytes.byteLength
  }

  /** The number of the next field, times eight, plus its wire type. */
  tag(): number {
    const tag = this.#uint32()
    if (tag < 8 || (tag & 7) > FIXED32) throw new RangeError(`invalid tag ${tag}`)
    return tag
  }

  int32(): number {
    this.#readVarint()
    return this.#low | 0
  }

  /** Beyond the safe integers this rounds, to another number that is not safe. */
  int64(): number {
    this.#readVarint()
    return (this.#high | 0) * TWO_TO_32 + this.#low
  }

  /** Shares memory with the message. */
  bytes(): Buffer {
    const start = this.#begin()
    return this.#bytes.subarray(start, this.position)
  }

  /** What the next field holds, without going past it: a message that is about to be read, as it was written. */
  peekBytes(): Buffer {
    const before = this.position
    const bytes = this.bytes()
    this.position = before
    return bytes
  }

  string(): string {
    const start = this.#begin()
    return this.#bytes.toString('utf8', start, this.position)
  }

  /** Goes into a message: returns where it ends. */
  enter(): number {
    const start = this.#begin()
    const end = this.position
    this.position = start
    return end
  }

  /** Passes over a field that nobody here knows. */
  skip(tag: number): void {
    const kind = tag & 7
    if (kind === VARINT) this.#readVarint()
    else if (kind === LENGTH_DELIMITED) this.#begin()
    else if (kind === FIXED64) this.#advance(8)
    else if (kind === FIXED32) this.#advance(4)
    else if (kind === START_GROUP) this.#skipGroup()
    else throw new RangeError('a group ends that did not begin')
  }

  /** Groups may be in groups; not by recursion, which a message could drive as deep as it is long. */
  #skipGroup(): void {
    for (let depth = 1; depth > 0;) {
      const tag = this.tag()
      const kind = tag & 7
      if (kind === START_GROUP) depth += 1
      else if (kind === END_GROUP) depth -= 1
      else this.skip(tag)
    }
  }

  /** Reads a length and passes over as many bytes; returns where they begin. */
  #begin(): number {
    const length = this.#uint32()
    const start = this.position
    this.#advance(length)
    return start
  }

  #advance(count: number): void {
    this.position += count
    if (this.position > this.#bytes.byteLength) throw new RangeError('it ends within a field')
  }

  #uint32(): number {
    this.#readVarint()
    return this.#low
  }

  #readVarint(): void {
    const bytes = this.#bytes
    let at = this.position
    // Nearly all are of one byte.
    const first = bytes[at] ?? 0
    if (first < 0x80 && at < bytes.byteLength) {
      this.position = at + 1
      this.#low = first
      this.#high = 0
      return
    }
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= bytes.byteLength) throw new RangeError('it ends within a number')
      const byte = bytes[at] ?? 0
      at += 1
      const value = byte & 0x7f
      if (shift < 28) low |= value << shift
      else if (shift === 28) {
        low |= value << 28
        high = value >>> 4
      } else if (shift < 63) high |= value << (shift - 32)
      else high |= value << 31
      if (byte < 0x80) {
        this.position = at
        this.#low = low >>> 0
        this.#high = high >>> 0
        return
      }
    }
    throw new RangeError('a number has more than ten bytes')
  }
}
