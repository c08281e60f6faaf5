import type { Digest } from './digest.ts'
import { exactDigestKey, formatDigest } from './digest.ts'
import type { OperationOptions, WholeReadOptions } from './operation-options.ts'
import type { Status } from './status.ts'
import { statusOfItemError } from './status.ts'
import type { StorageABC } from './storage-abc.ts'

// Bulk calls to a storage that keeps each blob at one of several children: one call to each child that is concerned,
// all at once, and one answer of theirs. For the composites of this package.

/** Names the children that an item goes to; what goes to none is in no call, and in no answer. */
export type ChildrenOf<Item> = (item: Item) => readonly (StorageABC | undefined)[]

/** The part of a bulk call that goes to one child. */
interface Part<Item> {
  readonly child: StorageABC
  readonly items: Item[]
  /** Where each of the items stood among all of them. */
  readonly positions: number[]
}

/** `missingBlobs`: those that their child has not, in the order asked. Rejects when any child does. */
export async function splitMissingBlobs(
  digests: readonly Digest[],
  childrenOf: ChildrenOf<Digest>,
  options: OperationOptions,
): Promise<Digest[]> {
  const parts = partition(digests, childrenOf)
  const answers = await Promise.all(parts.map(({ child, items }) => child.missingBlobs(items, options)))
  const missing = new Set(answers.flat().map(exactDigestKey))
  return digests.filter((digest) => missing.has(exactDigestKey(digest)))
}

/** `bulkReadBlobs`: what the children found, in one map. Rejects when any child does. */
export async function splitBulkReadBlobs(
  digests: readonly Digest[],
  childrenOf: ChildrenOf<Digest>,
  options: WholeReadOptions,
): Promise<Map<string, Uint8Array>> {
  const parts = partition(digests, childrenOf)
  const answers = await Promise.all(parts.map(({ child, items }) => child.bulkReadBlobs(items, options)))
  return new Map(answers.flatMap((found) => [...found]))
}

/** `bulkUpdateBlobs`: a status for each, in the order asked; a child that fails as a whole fails its items alone. */
export async function splitBulkUpdateBlobs(
  blobs: readonly (readonly [Digest, Uint8Array])[],
  childrenOf: ChildrenOf<Digest>,
  options: OperationOptions,
): Promise<Status[]> {
  const statuses = blobs.map((): Status => ({ code: 'unknown', message: 'not answered' }))
  const update = async ({ child, items, positions }: Part<readonly [Digest, Uint8Array]>): Promise<void> => {
    const answered = await child.bulkUpdateBlobs(items, options).catch((error: unknown) => {
      const status = statusOfItemError(error, options.signal)
      return items.map(() => status)
    })
    for (const [index, status] of answered.entries()) statuses[positions[index] ?? -1] = status
  }
  await Promise.all(partition(blobs, ([digest]) => childrenOf(digest)).map(update))
  return statuses
}

/** `bulkDelete`: those that one of their children could not remove; a child that fails as a whole removed nothing. */
export async function splitBulkDelete(
  digests: readonly Digest[],
  childrenOf: ChildrenOf<Digest>,
  options: OperationOptions,
): Promise<string[]> {
  const remove = async ({ child, items }: Part<Digest>): Promise<string[]> =>
    child.bulkDelete(items, options).catch((error: unknown) => {
      statusOfItemError(error, options.signal)
      return items.map(formatDigest)
    })
  const failed = new Set((await Promise.all(partition(digests, childrenOf).map(remove))).flat())
  return digests.map(formatDigest).filter((name) => failed.has(name))
}

function partition<Item>(items: readonly Item[], childrenOf: ChildrenOf<Item>): Part<Item>[] {
  const parts = new Map<StorageABC, Part<Item>>()
  for (const [position, item] of items.entries()) {
    for (const child of childrenOf(item)) {
      if (child === undefined) continue
      const part = parts.get(child) ?? { child, items: [], positions: [] }
      parts.set(child, part)
      part.items.push(item)
      part.positions.push(position)
    }
  }
  return [...parts.values()]
}
