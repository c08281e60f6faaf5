import { createCipheriv, createHash } from 'node:crypto'
import type { Digest } from '@caskade/core'
import { digestOf } from '@caskade/core'

/** A blob to store or to ask for. */
export interface Item {
  /** Its hash, by which those that know no digests name it. */
  readonly key: string
  readonly digest: Digest
  readonly bytes: Buffer
}

/** Makes blobs of random content, the same ones whenever seed, label, count and size are the same. */
export function makeItems(seed: number, label: string, count: number, sizeBytes: number): Item[] {
  const key = createHash('sha256').update(`${seed}/${label}/${sizeBytes}`).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return Array.from({ length: count }, () => {
    // The key stream is the content: as random as can be, and much faster than a generator in JavaScript.
    const bytes = cipher.update(Buffer.alloc(sizeBytes))
    const digest = digestOf(bytes)
    return { key: digest.hash, digest, bytes }
  })
}
