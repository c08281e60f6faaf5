import type { StorageEvent } from '@caskade/core'
import { onStorageEvent } from '@caskade/core'

/** What storages report while something runs. */
export async function eventsDuring(body: () => Promise<void>): Promise<StorageEvent[]> {
  const events: StorageEvent[] = []
  const endListening = onStorageEvent((event) => events.push(event))
  try {
    await body()
  } finally {
    endListening()
  }
  return events
}
