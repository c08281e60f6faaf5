import type { DescMessage } from '@bufbuild/protobuf'
import { countFields } from './field-count.ts'

/** How many fields the directories of one walk may have in all: those of some 160,000 files, about 200 MiB of objects. */
const MAX_TREE_FIELDS = 1_000_000

/** What is left of the bounds of one walk, which may lead through several trees. */
export class TreeLimits {
  readonly maxBytes: number
  #bytes = 0
  #fields = 0

  /** `maxBytes`: what the directories, as they are stored, may come to in all. */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Counts content that is about to be read. Returns false when it is too much. */
  addBytes(sizeBytes: number): boolean {
    this.#bytes += sizeBytes
    return this.#bytes <= this.maxBytes
  }

  /** Counts the fields of content that is about to be decoded. Returns false when they are too many. */
  addFields(schema: DescMessage, bytes: Uint8Array): boolean {
    this.#fields += countFields(schema, bytes, MAX_TREE_FIELDS - this.#fields)
    return this.#fields <= MAX_TREE_FIELDS
  }
}
