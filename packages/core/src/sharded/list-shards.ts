import type { Owners } from './shard-router.ts'

/** How many items that may have been copied are asked for at once. */
const BATCH_SIZE = 200

/** What {@link listShards} lists, and of what. */
export interface ShardListing<Child, Item> {
  readonly children: readonly Child[]
  readonly isResharding: boolean
  readonly list: (child: Child) => AsyncIterable<Item>
  readonly ownersOf: (item: Item) => Owners<Child>
  /** Resolves to those of the items that the shards which own them now have not. */
  readonly notYetCopied: (items: readonly Item[]) => Promise<readonly Item[]>
}

/**
 * Lists what can be read, at every shard, and nothing that lies where no read would look for it.
 *
 * Nothing is listed twice, except what is copied to another shard just then. The memory it takes does not grow with what
 * is stored.
 */
export async function* listShards<Child, Item>(
  listing: ShardListing<Child, Item>,
): AsyncGenerator<Item, void, undefined> {
  const { children, isResharding, list, ownersOf } = listing
  const distinct = [...new Set(children)]
  // Before the others: what is copied meanwhile is then listed twice at worst, and never left out.
  if (isResharding) for (const child of distinct) yield* listRemaining(child, listing)
  for (const child of distinct) {
    for await (const item of list(child)) if (ownersOf(item).present === child) yield item
  }
}

/** Lists what a child owned before, and its present owner has not. */
async function* listRemaining<Child, Item>(
  child: Child,
  { list, ownersOf, notYetCopied }: ShardListing<Child, Item>,
): AsyncGenerator<Item, void, undefined> {
  let batch: Item[] = []
  for await (const item of list(child)) {
    if (ownersOf(item).previous !== child) continue
    batch.push(item)
    if (batch.length < BATCH_SIZE) continue
    yield* await notYetCopied(batch)
    batch = []
  }
  if (batch.length > 0) yield* await notYetCopied(batch)
}
