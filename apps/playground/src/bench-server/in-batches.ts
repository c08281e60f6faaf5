/** Cuts items into batches of so many; the last may have fewer. */
export function inBatches<Item>(items: readonly Item[], count: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / count) }, (_, index) =>
    items.slice(index * count, (index + 1) * count),
  )
}
