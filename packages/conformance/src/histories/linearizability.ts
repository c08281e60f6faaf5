/** Something that a client did to one blob, or learned about it, with the moments at which it began and ended. */
export interface BlobEvent {
  /** A read is `present` or `absent` by what it answered. */
  readonly kind: 'write' | 'delete' | 'present' | 'absent'
  readonly start: number
  /** `Infinity` for a write that was given up: it may still come, or never. */
  readonly end: number
}

/**
 * Tells whether there is an order in which the events, each at one moment between its start and its end, make sense: a
 * read finds the blob exactly when the last change before it was a write. The blob is absent at first.
 *
 * After Wing and Gong, "Testing and Verifying Concurrent Objects" (1993): tries the orders, and remembers dead ends.
 */
export function isLinearizable(events: readonly BlobEvent[]): boolean {
  const deadEnds = new Set<string>()

  const canGoOn = (left: readonly BlobEvent[], isPresent: boolean): boolean => {
    if (left.every(({ end }) => end === Infinity)) return true
    const situation = `${left.map((event) => events.indexOf(event)).join(' ')} ${isPresent}`
    if (deadEnds.has(situation)) return false
    deadEnds.add(situation)

    // Only what began before anything else had ended can come next.
    const firstEnd = Math.min(...left.map(({ end }) => end))
    const candidates = left.filter(({ start }) => start <= firstEnd)
    // A read that is right as things are changes nothing, so it may as well come at once.
    const read = candidates.find(({ kind }) => kind === (isPresent ? 'present' : 'absent'))
    if (read !== undefined) return canGoOn(without(left, read), isPresent)
    return candidates
      .filter(({ kind }) => kind === 'write' || kind === 'delete')
      .some((change) => canGoOn(without(left, change), change.kind === 'write'))
  }

  return canGoOn(events, false)
}

function without(events: readonly BlobEvent[], event: BlobEvent): BlobEvent[] {
  return events.filter((other) => other !== event)
}
