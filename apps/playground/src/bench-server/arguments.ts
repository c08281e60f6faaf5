import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { parseSeed, withoutDashes } from '../bench/shared-arguments.ts'
import { serverCases } from './cases.ts'
import type { ServerCase } from './server-case.ts'
import type { SubjectKind } from './subject.ts'
import { subjectKinds } from './subjects.ts'
import { targetOf } from './targets.ts'

/** What the command line asks for. */
export interface ServerBenchArguments {
  readonly help: boolean
  readonly quick: boolean
  readonly write: boolean
  /** Whether the report is written anew from what was measured before, and nothing is measured. */
  readonly report: boolean
  /** Whether an option says what is measured, so that with `write` the rest stays as it is. */
  readonly isNarrowed: boolean
  /** Whether our servers are watched by V8, rather than measured beside others. */
  readonly profile: boolean
  readonly seed: number
  /** Where the folder is made in which everything is stored meanwhile. */
  readonly directory: string
  readonly cases: readonly ServerCase[]
  readonly kinds: readonly SubjectKind[]
}

/** How the command is used. */
export const serverBenchUsage: string = `pnpm bench:server [options]

  --quick            shorter rounds: a first impression
  --profile          says where the time of our own servers goes, in the operations that have a target
  --only TEXT        only the operations whose names have this in them, such as Read, 64 MiB, HTTP
  --in-flight NUMBER only with so many requests under way
  --server NAME      only this one: ${subjectKinds.map(({ name }) => name).join(', ')}
  --write            write SERVER-BENCHMARKS.md and server-benchmarks.json in apps/playground, too; with --only,
                     --in-flight or --server, the operations that are there stay, but for those that are measured anew,
                     with all servers that they are there with; with --profile, write SERVER-PROFILES.md, all of it
  --report           measure nothing: write SERVER-BENCHMARKS.md anew from server-benchmarks.json
  --seed NUMBER      where the content begins (default: 1)
  --directory PATH   where things are stored meanwhile, some 12 GB (default: the folder for temporary files)

It needs Go for the program that sends the requests and for bazel-remote, and nginx for nginx; a peer that cannot be had is
left out, and the report says so. An option that narrows may be given more than once.
`

/** Reads the command line. Throws when it asks for what there is not. */
export function parseServerBenchArguments(words: readonly string[]): ServerBenchArguments {
  const { values } = parseArgs({
    args: withoutDashes(words),
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      directory: { type: 'string', default: tmpdir() },
      only: { type: 'string', multiple: true },
      'in-flight': { type: 'string', multiple: true },
      server: { type: 'string', multiple: true },
    },
  })
  const seed = parseSeed(values.seed)
  const unknown = values.server?.find((name) => !subjectKinds.some((kind) => kind.name === name))
  if (unknown !== undefined) throw new RangeError(`--server: there is no ${unknown}`)
  const { help, quick, write, report, profile, directory } = values
  const isNarrowed = [values.only, values['in-flight'], values.server].some((value) => value !== undefined)
  const cases = serverCases.filter(
    ({ operation, inFlight }) =>
      (values.only?.some((text) => operation.includes(text)) ?? (!profile || targetOf(operation) !== undefined)) &&
      (values['in-flight']?.includes(String(inFlight)) ?? true),
  )
  if (cases.length === 0) throw new RangeError('--only, --in-flight: no operation is left')
  const kinds = subjectKinds.filter(
    ({ name, isOurs }) => (values.server?.includes(name) ?? true) && (isOurs || !profile),
  )
  if (kinds.length === 0) throw new RangeError('--server: of others no profile can be made')
  return { help, quick, write, report, isNarrowed, profile, seed, directory, cases, kinds }
}
