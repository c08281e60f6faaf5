import type { BenchCase, Effort } from './cases.ts'
import type { RoundResult } from './round.ts'

/** What a process that measures is told when it is made. */
export interface ProcessOrder {
  readonly subject: string
  readonly benchCase: BenchCase
  readonly effort: Effort
  readonly seed: number
  readonly folder: string
}

/** What the parent of such a process asks of it, one thing after the other. */
export type ParentMessage =
  | { readonly kind: 'round'; readonly round: number }
  /** Asked for when the others have had their turn: what goes on in the background after a round is part of its CPU time. */
  | { readonly kind: 'settle' }
  | { readonly kind: 'stop' }

/** What the process answers. */
export type ChildMessage =
  | { readonly kind: 'ready'; readonly canRun: boolean }
  | ({ readonly kind: 'measured' } & RoundResult)
  | { readonly kind: 'settled'; readonly cpuUs: number }
  | { readonly kind: 'stopped' }
