/** Returns the middle one of the values, or the mean of the two in the middle. There must be one at least. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)]
  const lower = sorted[Math.ceil(middle) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('median: there are no values')
  return (upper + lower) / 2
}

/**
 * Returns the median of what ours took for each unit of theirs, round by round: what slowed a whole round slowed both, and
 * leaves its ratio as it is. Below 1, ours took less.
 */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)))
}
