import type { LoadGenerator } from '../bench-server/load.ts'
import type { ServerEffort } from '../bench-server/server-case.ts'
import { fullServerEffort, quickServerEffort } from '../bench-server/server-case.ts'
import type { BlobSeries } from './blob-series.ts'

/** The parts of the benchmark. */
export const scaleParts = ['start-up', 'memory', 'operations', 'eviction', 'full-disk'] as const

export type ScalePart = (typeof scaleParts)[number]

/** How much is measured. */
export interface ScaleEffort extends ServerEffort {
  /** How often a server is started, of which the median counts. */
  readonly starts: number
  /** Eviction is measured in stores of no more blobs than this. */
  readonly maxEvictionBlobs: number
}

/** What every part of the benchmark is given. */
export interface ScaleRun {
  readonly series: BlobSeries
  readonly seed: number
  readonly effort: ScaleEffort
  readonly load: LoadGenerator
  /** Where requests are kept meanwhile. */
  readonly folder: string
  /** Aborted when all of it is to end. */
  readonly signal: AbortSignal
  /** Takes down what was measured. */
  readonly note: (figure: ScaleFigure) => void
}

/** What is about to be measured: parts, of a server or a store and a size. */
export interface ScaleAttempt {
  /** What it is measured of, such as `caskade fs, 100,000 blobs`. */
  readonly of: string
  readonly parts: readonly (ScalePart | 'fill')[]
}

/** What went wrong, and so has no figures. */
export interface ScaleFailure extends ScaleAttempt {
  readonly message: string
}

/** One number that was measured. */
export interface ScaleFigure {
  readonly part: ScalePart
  readonly subject: string
  /** How many blobs were there. */
  readonly blobs: number
  /** What it is, with its unit. */
  readonly measure: string
  readonly value: number
}

export const fullScaleEffort: ScaleEffort = { ...fullServerEffort, starts: 5, maxEvictionBlobs: 1_000_000 }

export const quickScaleEffort: ScaleEffort = {
  ...quickServerEffort,
  rounds: 3,
  starts: 3,
  maxEvictionBlobs: 1_000_000,
}
