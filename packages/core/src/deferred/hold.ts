import type { PendingItem } from './pending-item.ts'

/** Pending writes that do not arrive until somebody has decided about them. */
export interface Hold {
  /** Gives up the writes that the decision concerns. Once it resolves, a crash does not bring them back. */
  cancel(isConcerned?: (item: PendingItem) => boolean): Promise<void>
  /** Lets those that were not given up arrive. Call it in any case. */
  release(): void
}

/** What a {@link Hold} does with its writes. */
export interface HoldActions {
  readonly cancel: (item: PendingItem) => Promise<void>
  readonly resume: (item: PendingItem) => void
  /** Waits until the journal has on disk what arrived or was given up before. */
  readonly flushSettled: () => Promise<void>
}

/** Holds pending writes; those on their way are called back first. */
export async function holdItems(items: readonly PendingItem[], actions: HoldActions): Promise<Hold> {
  for (const item of items) {
    item.holders += 1
    item.sending?.abort(new Error('its deletion is being decided'))
  }
  await Promise.all(items.map(async ({ sent }) => sent))
  return {
    async cancel(isConcerned = () => true) {
      await Promise.all(items.filter((item) => !item.isSettled && isConcerned(item)).map(actions.cancel))
      // One that has just arrived would otherwise be sent again after a crash.
      await actions.flushSettled()
    },
    release() {
      for (const item of items) {
        item.holders -= 1
        if (item.holders === 0 && !item.isSettled && item.blockers.size === 0) actions.resume(item)
      }
    },
  }
}
