import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** The shortest field: its tag, and a value or a length of one byte. */
export const MIN_FIELD_BYTES = 2

const fieldsOf = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>()

/**
 * Counts the fields of an encoded message, those of the messages within it included, without making anything of them:
 * two bytes can become an object of hundreds. Stops counting beyond `max`. What is malformed is left to the decoder.
 */
export function countFields(schema: DescMessage, bytes: Uint8Array, max: number): number {
  try {
    return countWithin(schema, new BinaryReader(bytes), bytes.byteLength, max)
  } catch {
    return 0
  }
}

function countWithin(schema: DescMessage, reader: BinaryReader, end: number, max: number): number {
  const fields = fieldsByNumber(schema)
  let count = 0
  while (reader.pos < end && count <= max) {
    const [number, wireType] = reader.tag()
    count += 1
    const inner = wireType === WireType.LengthDelimited ? fields.get(number)?.message : undefined
    if (inner === undefined) {
      reader.skip(wireType, number)
      continue
    }
    const length = reader.uint32()
    count += countWithin(inner, reader, Math.min(reader.pos + length, end), max - count)
  }
  return count
}

function fieldsByNumber(schema: DescMessage): ReadonlyMap<number, DescField> {
  const known = fieldsOf.get(schema)
  if (known !== undefined) return known
  const fields = new Map(schema.fields.map((field) => [field.number, field]))
  fieldsOf.set(schema, fields)
  return fields
}
