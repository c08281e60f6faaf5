import type { FrontendOptions } from './http-frontend.ts'

/** What a path says to a frontend. */
export interface PathMatch {
  /**
   * The instance that the part of the path before the tool's own names, as it was written, but without slashes around it, which
   * come of addresses that end in one; empty when there is none.
   */
  readonly instanceName: string
  /** What the further groups of the pattern matched; empty for those that matched nothing. */
  readonly parts: readonly string[]
}

/** What the paths of a frontend look like. */
export interface PathPattern {
  /** What each of them has in it: looked for first, since that costs next to nothing. Default: nothing. */
  readonly mark?: string | undefined
  /** Its first group is the prefix that names an instance. */
  readonly pattern: RegExp
}

/**
 * Matches a path with the pattern of a frontend. Undefined when it does not match, or the instance is not one that the frontend
 * serves.
 */
export function matchPath(
  path: string,
  { mark = '', pattern }: PathPattern,
  { instance }: FrontendOptions,
): PathMatch | undefined {
  if (!path.includes(mark)) return undefined
  const match = pattern.exec(path)
  if (match === null) return undefined
  const instanceName = trimSlashes(match[1] ?? '')
  const parts: string[] = []
  for (let group = 2; group < match.length; group += 1) parts.push(match[group] ?? '')
  if (instance === undefined) return { instanceName, parts }
  return instanceName === '' || instanceName === trimSlashes(instance) ? { instanceName: instance, parts } : undefined
}

function trimSlashes(prefix: string): string {
  let [start, end] = [0, prefix.length]
  while (prefix[start] === '/') start += 1
  while (end > start && prefix[end - 1] === '/') end -= 1
  return prefix.slice(start, end)
}
