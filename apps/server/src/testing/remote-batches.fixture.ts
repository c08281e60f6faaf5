import type { Digest, DigestFunction } from '@caskade/core'
import { digestKey } from '@caskade/core'
import { DigestFunction_Value as Fn } from '@caskade/reapi/messages'

/** How many blobs one message names at most: with their digests it stays far below what servers and clients receive. */
const MAX_COUNT = 2000

/** What can travel in a batch. */
export interface BatchItem {
  readonly digest: Digest
  /** What it adds to the size of the batch, in bytes. */
  readonly sizeBytes: number
}

/** What one call carries: a request has one digest function for all its digests. */
export interface Batch<Item> {
  readonly digestFunction: Fn
  readonly items: readonly Item[]
}

/** Splits items into batches of one digest function each, that come to `maxBytes` at most. */
export function batchesOf<Item extends BatchItem>(items: Iterable<Item>, maxBytes: number): Batch<Item>[] {
  const batches: Batch<Item>[] = []
  const open = new Map<DigestFunction, { items: Item[]; bytes: number }>()
  for (const item of items) {
    const { digestFunction = 'sha256' } = item.digest
    let current = open.get(digestFunction)
    if (current === undefined || current.items.length >= MAX_COUNT || current.bytes + item.sizeBytes > maxBytes) {
      current = { items: [], bytes: 0 }
      open.set(digestFunction, current)
      batches.push({ digestFunction: wireFunctionOf(digestFunction), items: current.items })
    }
    current.items.push(item)
    current.bytes += item.sizeBytes
  }
  return batches
}

/** A digest as messages have it. */
export function toWire({ hash, sizeBytes }: Digest): { hash: string; sizeBytes: bigint } {
  return { hash, sizeBytes: BigInt(sizeBytes) }
}

/** A string that is equal for equal digests of one digest function, whichever form they are in. */
export function wireKey(digest: { readonly hash: string; readonly sizeBytes: number | bigint } | undefined): string {
  return digest === undefined ? '' : `${digest.hash}/${digest.sizeBytes}`
}

/** A string that is equal for equal digests, the size included. */
export function exactKey(digest: Digest): string {
  return `${digestKey(digest)}/${digest.sizeBytes}`
}

function wireFunctionOf(digestFunction: DigestFunction): Fn {
  return Fn[digestFunction.toUpperCase() as Uppercase<DigestFunction>]
}
