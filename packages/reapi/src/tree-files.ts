import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { WireDigest } from './digests.ts'

/**
 * The digests of all files in an encoded `Tree`, those in its sub-directories included; undefined for a file without one.
 *
 * Read by hand, one after the other: of trees with many files a decoder makes hundreds of megabytes of objects at once.
 * Throws when it meets something malformed.
 */
export function* filesOfTree(tree: Uint8Array): Generator<WireDigest | undefined, void, undefined> {
  // Tree.root and Tree.children.
  for (const directory of fieldsOf(tree, 1, 2)) {
    // Directory.files.
    for (const file of fieldsOf(directory, 1)) {
      let digest: WireDigest | undefined
      // FileNode.digest.
      for (const bytes of fieldsOf(file, 2)) digest = readDigest(bytes)
      yield digest
    }
  }
}

/** The fields of some numbers that are messages. */
function* fieldsOf(message: Uint8Array, ...numbers: readonly number[]): Generator<Uint8Array, void, undefined> {
  const reader = new BinaryReader(message)
  while (reader.pos < message.byteLength) {
    const [number, wireType] = reader.tag()
    if (wireType === WireType.LengthDelimited && numbers.includes(number)) yield reader.bytes()
    else reader.skip(wireType, number)
  }
  if (reader.pos > message.byteLength) throw new RangeError('it is cut off')
}

function readDigest(bytes: Uint8Array): WireDigest {
  const reader = new BinaryReader(bytes)
  let hash = ''
  let sizeBytes = 0n
  while (reader.pos < bytes.byteLength) {
    const [number, wireType] = reader.tag()
    if (number === 1 && wireType === WireType.LengthDelimited) hash = reader.string()
    else if (number === 2 && wireType === WireType.Varint) sizeBytes = BigInt(reader.int64())
    else reader.skip(wireType, number)
  }
  return { hash, sizeBytes }
}
