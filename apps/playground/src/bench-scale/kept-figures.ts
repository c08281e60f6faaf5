import { replaceMeasured } from '../bench/kept-runs.ts'
import type { ScaleReport } from './report.ts'
import type { ScaleAttempt } from './scale-run.ts'

/** The lists of a report in which each item is of a run. */
export const scaleLists = ['figures', 'fullDisks', 'failures'] as const

/**
 * What is there with what a run measured anew, figure by figure. A failure is there until all that failed has been attempted
 * anew, whatever comes of that.
 */
export function mergeScaleReports(
  kept: ScaleReport,
  anew: ScaleReport,
  attempted: readonly ScaleAttempt[],
): ScaleReport {
  const tried = new Set(attempted.flatMap(keysOf))
  return {
    ...anew,
    figures: replaceMeasured(kept.figures, anew.figures, ({ part, subject, blobs, measure }) =>
      JSON.stringify([part, subject, blobs, measure]),
    ),
    fullDisks: replaceMeasured(kept.fullDisks, anew.fullDisks, ({ subject }) => subject),
    failures: [...kept.failures.filter((failure) => !keysOf(failure).every((key) => tried.has(key))), ...anew.failures],
  }
}

function keysOf({ of, parts }: ScaleAttempt): string[] {
  return parts.map((part) => JSON.stringify([of, part]))
}
