import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { parseSeed, withoutDashes } from '../bench/shared-arguments.ts'
import type { ScaleEffort, ScalePart } from './scale-run.ts'
import { fullScaleEffort, quickScaleEffort, scaleParts } from './scale-run.ts'
import type { ScaleSubject } from './scale-subject.ts'
import { scaleSubjects } from './scale-subject.ts'

const QUICK_BLOBS = '100000,1000000'
const FULL_BLOBS = '100000,1000000,5000000'

/** What the command line asks for. */
export interface ScaleBenchArguments {
  readonly help: boolean
  readonly write: boolean
  /** Whether the report is written anew from what was measured before, and nothing is measured. */
  readonly report: boolean
  /** Whether an option says what is measured, so that with `write` the rest stays as it is. */
  readonly isNarrowed: boolean
  readonly seed: number
  readonly effort: ScaleEffort
  /** Where the folder is made in which everything is stored meanwhile. */
  readonly directory: string
  /** Where filled stores are kept, and those that are there are used again; undefined when they are removed. */
  readonly keep: string | undefined
  /** How many blobs are there, in ascending order. */
  readonly blobs: readonly number[]
  readonly parts: readonly ScalePart[]
  readonly subjects: readonly ScaleSubject[]
}

/** How the command is used. */
export const scaleBenchUsage: string = `pnpm bench:scale [options]

  --quick            fewer blobs, and fewer and shorter rounds: a first impression
  --blobs NUMBERS    how many blobs are there (default: ${FULL_BLOBS}; with --quick ${QUICK_BLOBS})
  --only PART        only this part: ${scaleParts.join(', ')}
  --backend NAME     only this one: ${scaleSubjects.map(({ backend }) => backend).join(', ')}
  --write            write SCALE-BENCHMARKS.md and scale-benchmarks.json in apps/playground, too; with --blobs, --only or
                     --backend, the figures that are there stay, but for those that are measured anew
  --report           measure nothing: write SCALE-BENCHMARKS.md anew from scale-benchmarks.json
  --seed NUMBER      where the content begins (default: 1)
  --directory PATH   where things are stored meanwhile, some 30 GB (default: the folder for temporary files)
  --keep PATH        keep the stores that are filled there, and go on with those that are

It needs Go for the program that sends the requests, and Linux. As root it also measures starts with nothing in the page cache,
and a full disk. An option that narrows may be given more than once.
`

/** Reads the command line. Throws when it asks for what there is not. */
export function parseScaleBenchArguments(words: readonly string[]): ScaleBenchArguments {
  const { values } = parseArgs({
    args: withoutDashes(words),
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      directory: { type: 'string', default: tmpdir() },
      keep: { type: 'string' },
      blobs: { type: 'string' },
      only: { type: 'string', multiple: true },
      backend: { type: 'string', multiple: true },
    },
  })
  const { help, quick, write, report, directory, keep } = values
  const subjects = scaleSubjects.filter(({ backend }) => values.backend?.includes(backend) ?? true)
  const parts = scaleParts.filter((part) => values.only?.includes(part) ?? true)
  const backends = scaleSubjects.map(({ backend }) => backend)
  assertKnown('--backend', values.backend, backends)
  assertKnown('--only', values.only, scaleParts)
  return {
    help,
    write,
    report,
    isNarrowed: [values.blobs, values.only, values.backend].some((value) => value !== undefined),
    directory,
    keep,
    seed: parseSeed(values.seed),
    effort: quick ? quickScaleEffort : fullScaleEffort,
    blobs: parseBlobs(values.blobs ?? (quick ? QUICK_BLOBS : FULL_BLOBS)),
    parts,
    subjects,
  }
}

function parseBlobs(text: string): number[] {
  const counts = text.split(',').map(Number)
  const wrong = counts.find((count) => !Number.isSafeInteger(count) || count < 1000)
  if (wrong !== undefined) throw new RangeError(`--blobs: ${text} are not whole numbers of 1,000 or more`)
  return [...new Set(counts)].toSorted((left, right) => left - right)
}

function assertKnown(option: string, asked: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = asked?.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new RangeError(`${option}: there is no ${unknown}; there are ${known.join(', ')}`)
}
