import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import type { BenchCase } from './cases.ts'
import { casesOf, sizes } from './cases.ts'
import { contests } from './contests.ts'
import { formatSize } from './format.ts'
import { operations } from './operations.ts'
import { parseSeed, withoutDashes } from './shared-arguments.ts'
import type { Contest } from './subject.ts'

/** What the command line asks for. */
export interface BenchArguments {
  readonly help: boolean
  readonly quick: boolean
  readonly write: boolean
  readonly seed: number
  /** Where the folder is made in which everything is stored meanwhile. */
  readonly directory: string
  /** The contests asked for, each with its cases. */
  readonly selected: readonly { readonly contest: Contest; readonly cases: readonly BenchCase[] }[]
}

/** How the command is used. */
export const usage: string = `pnpm bench [options]

  --quick            fewer and shorter rounds: a first impression
  --backend NAME     only this one: ${contests.map(({ backend }) => backend).join(', ')}
  --only OPERATION   only this one: ${operations.map(({ name }) => name).join(', ')}
  --size SIZE        only this one: ${sizes.map(sizeName).join(', ')}
  --write            write apps/playground/BENCHMARKS.md, too
  --seed NUMBER      where the random content begins (default: 1)
  --directory PATH   where things are stored meanwhile, some 5 GB (default: the folder for temporary files)

An option that names one of several may be given more than once.
`

/** Reads the command line. Throws when it asks for what there is not. */
export function parseBenchArguments(words: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: withoutDashes(words),
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      directory: { type: 'string', default: tmpdir() },
      backend: { type: 'string', multiple: true },
      only: { type: 'string', multiple: true },
      size: { type: 'string', multiple: true },
    },
  })
  const backends = chosen(
    '--backend',
    values.backend,
    contests.map(({ backend }) => backend),
  )
  const names = chosen(
    '--only',
    values.only,
    operations.map(({ name }) => name),
  )
  const sizeNames = chosen('--size', values.size, sizes.map(sizeName))
  const seed = parseSeed(values.seed)
  const selected = contests
    .filter(({ backend }) => backends.includes(backend))
    .map((contest) => ({
      contest,
      cases: casesOf(contest).filter(
        ({ operation, sizeBytes }) => names.includes(operation) && sizeNames.includes(sizeName(sizeBytes)),
      ),
    }))
  const { help, quick, write, directory } = values
  return { help, quick, write, seed, directory, selected }
}

function sizeName(sizeBytes: number): string {
  return formatSize(sizeBytes).replace(' ', '')
}

function chosen(option: string, asked: readonly string[] | undefined, known: readonly string[]): readonly string[] {
  const unknown = asked?.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new RangeError(`${option}: there is no ${unknown}; there are ${known.join(', ')}`)
  return asked ?? known
}
