import { replaceMeasured } from '../bench/kept-runs.ts'
import type { ServerReport } from './report.ts'
import type { ServerCaseResult } from './run-case.ts'
import { serversOf, takesPart } from './run-case.ts'
import type { ServerCase } from './server-case.ts'
import type { SubjectKind } from './subject.ts'

/** The lists of a report in which each item is of a run. */
export const serverLists = ['results'] as const

/** What is there with what a run measured anew: a case with all of its servers, as ratios hold within one run alone. */
export function mergeServerReports(kept: ServerReport, anew: ServerReport): ServerReport {
  return { ...anew, results: replaceMeasured(kept.results, anew.results, keyOf) }
}

/**
 * Throws when a case is there with a server that is not among those it is about to be measured with, with what to do: its
 * figures could neither stay beside those of another run nor go. A server that takes part in the case no more may go.
 */
export function assertNoServerIsLost(
  { results }: ServerReport,
  cases: readonly ServerCase[],
  measured: readonly SubjectKind[],
  known: readonly SubjectKind[],
): void {
  const there = new Map(results.map((result) => [keyOf(result), serversOf(result)]))
  const lost = new Set(
    cases.flatMap((serverCase) => {
      const before = there.get(keyOf(serverCase)) ?? []
      return known
        .filter((kind) => takesPart(kind, serverCase) && before.includes(kind.name) && !isAmong(kind, measured))
        .map(({ name }) => JSON.stringify(name))
    }),
  )
  if (lost.size === 0) return
  throw new Error(
    `--server: what is to be measured is there with ${[...lost].join(', ')} as well, and ratios hold within one run alone: measure with --server for these too, or without --server; when they cannot be had here, without --write, or all of it, without an option that narrows`,
  )
}

function isAmong({ name }: SubjectKind, kinds: readonly SubjectKind[]): boolean {
  return kinds.some((kind) => kind.name === name)
}

function keyOf({ operation, inFlight }: Pick<ServerCaseResult, 'operation' | 'inFlight'>): string {
  return JSON.stringify([operation, inFlight])
}
