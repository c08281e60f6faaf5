import { inspect } from 'node:util'
import * as fc from 'fast-check'

/** Which histories are tried, and how many. */
export interface HistoryOptions {
  /** Where chance begins: the same seed makes the same histories. Default: 1. */
  readonly seed?: number | undefined
  /** How many histories are tried. Default: 15. */
  readonly runs?: number | undefined
  /** How many steps a history has at most, per client. Default: 40, or 8 per client. */
  readonly maxSteps?: number | undefined
  /** The path that a failure was reported with: tries that history alone. Wants the seed that it was reported with. */
  readonly path?: string | undefined
}

/** The steps of a history when nobody says otherwise. */
export const DEFAULT_MAX_STEPS = 40

/**
 * Tries histories; when one fails, looks for the shortest that does. Rejects with an error that shows it step by step,
 * with the seed and the path by which it is replayed.
 */
export async function checkHistories<History>(
  histories: fc.Arbitrary<History>,
  run: (history: History) => Promise<void>,
  { describe, seed = 1, runs = 15, path }: HistoryOptions & { readonly describe: (history: History) => string[] },
): Promise<void> {
  const parameters = { seed, numRuns: runs, ...(path !== undefined && { path }) }
  const { failed, counterexample, counterexamplePath, errorInstance } = await fc.check(
    fc.asyncProperty(histories, run),
    parameters,
  )
  if (!failed) return
  const steps = counterexample === null ? [] : describe(counterexample[0])
  const replay = `replay it with ${inspect({ seed, path: counterexamplePath }, { breakLength: Infinity })}`
  const reason = errorInstance instanceof Error ? errorInstance.message : inspect(errorInstance)
  throw new Error([`after ${steps.length} steps: ${reason}`, replay, ...steps].join('\n  '), { cause: errorInstance })
}
