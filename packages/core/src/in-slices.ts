import { setImmediate } from 'node:timers/promises'

/** How long one slice keeps the event loop busy, in milliseconds; the item that it ends with may take longer. */
const SLICE_MS = 1

/** How work is done in slices. */
export interface SliceOptions {
  /** Is called before each slice; what it throws ends the work. */
  readonly beforeSlice?: (() => void) | undefined
  /** Does a slice, for example within a transaction. Default: as it is. */
  readonly within?: ((slice: () => void) => void) | undefined
}

/**
 * Does something quick with each of many items, in order, on the event loop: a millisecond's worth at a time, between which
 * other work gets its turn. Rejects with what it throws.
 */
export async function inSlices<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => void,
  { beforeSlice, within = (slice) => slice() }: SliceOptions = {},
): Promise<void> {
  let index = 0
  const slice = (): void => {
    const end = performance.now() + SLICE_MS
    do {
      work(items[index] as Item, index)
      index += 1
    } while (index < items.length && performance.now() < end)
  }
  while (index < items.length) {
    if (index > 0) await setImmediate()
    beforeSlice?.()
    within(slice)
  }
}
