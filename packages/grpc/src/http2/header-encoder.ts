import type { HeaderFields } from '../metadata.ts'
import { STATIC_TABLE } from './static-table.ts'

/** The number of each field that everybody knows with its value, and of each name. */
const FIELD_INDEXES = new Map(STATIC_TABLE.map(([name, value], index) => [`${name}\0${value}`, index + 1]))
// The first of a name wins.
const NAME_INDEXES = new Map(STATIC_TABLE.map(([name], index) => [name, index + 1] as const).toReversed())

/**
 * Begins the first block of a connection: its table has no room from then on. A client that makes room for less than there is
 * by default waits for such a word (RFC 7541, section 4.2).
 */
export const NO_TABLE: Buffer = Buffer.from([0x20])

/** Blocks of fields that are sent again and again, by the frozen objects that hold them. */
const constantBlocks = new WeakMap<HeaderFields, Buffer>()

/**
 * Encodes header fields so that no table is needed (RFC 7541, sections 6.1 and 6.2.2): responses of gRPC have few fields, and
 * most of them are the same for all. Those of a frozen object are encoded once.
 */
export function encodeHeaders(fields: HeaderFields): Buffer {
  if (!Object.isFrozen(fields)) return encodeFields(fields)
  let block = constantBlocks.get(fields)
  if (block === undefined) {
    block = encodeFields(fields)
    constantBlocks.set(fields, block)
  }
  return block
}

function encodeFields(fields: HeaderFields): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    for (const each of typeof value === 'string' ? [value] : value) parts.push(encodeField(name, each))
  }
  return Buffer.concat(parts)
}

function encodeField(name: string, value: string): Buffer {
  const index = FIELD_INDEXES.get(`${name}\0${value}`)
  if (index !== undefined) return encodeInteger(0x80, 0x7f, index)
  const nameIndex = NAME_INDEXES.get(name) ?? 0
  const head = encodeInteger(0x00, 0x0f, nameIndex)
  return Buffer.concat([head, ...(nameIndex === 0 ? encodeString(name) : []), ...encodeString(value)])
}

function encodeString(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1')
  return [encodeInteger(0x00, 0x7f, bytes.byteLength), bytes]
}

/** "Integer Representation" (RFC 7541, section 5.1), after the bits in front. */
function encodeInteger(front: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.from([front | value])
  const bytes = [front | mask]
  let rest = value - mask
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return Buffer.from(bytes)
}
