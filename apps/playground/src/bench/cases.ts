import type { Operation } from './operations.ts'
import { operations } from './operations.ts'
import type { Contest } from './subject.ts'

/** One line of a table, measured for each subject of a contest. */
export interface BenchCase {
  readonly backend: string
  readonly operation: string
  readonly sizeBytes: number
  readonly concurrency: number
}

/** How much is measured. */
export interface Effort {
  /** How many rounds count; one more comes before them, to warm up. */
  readonly rounds: number
  /** A round makes no further call after so long, in milliseconds. */
  readonly roundMs: number
  /** A round makes and stores no more content than this, unless a single call needs more, in bytes. */
  readonly roundBytes: number
}

export const fullEffort: Effort = { rounds: 5, roundMs: 150, roundBytes: 64 * 1024 * 1024 }
export const quickEffort: Effort = { rounds: 3, roundMs: 50, roundBytes: 8 * 1024 * 1024 }

/** The sizes of blobs that are measured, in bytes. */
export const sizes: readonly number[] = [1024, 64 * 1024, 1024 * 1024, 64 * 1024 * 1024]

/** More calls than this, or stores of new blobs, tell nothing new. */
const MAX_COUNT = 4000

/** So many different blobs are stored to be asked for; storing them takes longer than asking. */
const MAX_STORED = 1000

/** How many calls one round makes at most. Those that ask for what is stored ask for it again and again. */
export function callsPerRound(operation: Operation, sizeBytes: number, effort: Effort): number {
  return operation.writes ? callsWithOwnContent(operation, sizeBytes, effort) : MAX_COUNT
}

/** How many calls can be made before their content repeats. */
export function callsWithOwnContent(operation: Operation, sizeBytes: number, { roundBytes }: Effort): number {
  const blobs = Math.min(roundBytes / sizeBytes, operation.writes ? MAX_COUNT : MAX_STORED)
  return Math.max(Math.floor(blobs / operation.batch(sizeBytes)), 1)
}

/** All cases of a contest. */
export function casesOf({ backend, concurrencies }: Contest): BenchCase[] {
  return operations.flatMap((operation) =>
    (operation.readsContent ? sizes : sizes.slice(0, 1)).flatMap((sizeBytes) =>
      concurrencies
        // Many of the largest at once would measure how much memory there is.
        .filter((concurrency) => concurrency === 1 || (operation.concurrent && sizeBytes < 16 * 1024 * 1024))
        .map((concurrency) => ({ backend, operation: operation.name, sizeBytes, concurrency })),
    ),
  )
}
