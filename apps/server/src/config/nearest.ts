import { closest, distance } from 'fastest-levenshtein'

/** The name that was probably meant by a misspelt one; undefined when none is near. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const nearest = closest(name.toLowerCase(), known)
  return distance(name.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, name.length / 3) ? nearest : undefined
}
