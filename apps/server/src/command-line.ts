import { parseArgs } from 'node:util'
import { nearestOf } from './config/nearest.ts'

/** What is said when a command line is wrong, or help is asked for. */
export const USAGE = `Usage: caskade serve [options]
       caskade setup [TOOL] [options]

Serves a build cache, or says how build tools are told of it.

Options of both:
  --config FILE               read the configuration of the server from a YAML file
  --listen HOST:PORT          gRPC is served here (default 127.0.0.1:8980)
  --http-listen HOST:PORT     HTTP is served here (default 127.0.0.1:8981)

Options of serve:
  --data DIR                  keep data here (default: the platform's cache folder)
  --workers N|auto            serve with so many processes; auto for one for each core (default 1)

Options of setup, which without TOOL is about all that the project is built with:
  --project DIR               the folder of the project (default: the current one)
  --instance NAME             use this instance, which keeps its keys apart from others
  --write                     change files rather than print what they should say: those of the project; of ccache and
                              sccache, which have none there, those of the user, for all projects

  -v, --version               print the version
  -h, --help                  print this
`

const OPTIONS = {
  config: { type: 'string' },
  listen: { type: 'string' },
  'http-listen': { type: 'string' },
  data: { type: 'string' },
  workers: { type: 'string' },
  project: { type: 'string' },
  instance: { type: 'string' },
  write: { type: 'boolean' },
  version: { type: 'boolean', short: 'v' },
  help: { type: 'boolean', short: 'h' },
} as const

/** What is wrong with a command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A command line that is in order. */
export interface CommandLine {
  readonly command: 'serve' | 'setup' | 'version' | 'help'
  /** The tool to set up, if one is named. */
  readonly tool?: string | undefined
  readonly flags: Flags
}

/** The options that are given. */
export interface Flags {
  readonly config?: string | undefined
  readonly listen?: string | undefined
  readonly 'http-listen'?: string | undefined
  readonly data?: string | undefined
  readonly project?: string | undefined
  readonly workers?: string | undefined
  readonly instance?: string | undefined
  readonly write?: boolean | undefined
  readonly version?: boolean | undefined
  readonly help?: boolean | undefined
}

/**
 * Reads a command line.
 *
 * @throws UsageError that says what is wrong with it, and what was probably meant.
 */
export function parseCommandLine(args: string[]): CommandLine {
  checkOptions(args)
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: OPTIONS })
  const flags: Flags = values
  const [command, ...rest] = positionals
  if (flags.version === true) return { command: 'version', flags }
  if (flags.help === true) return { command: 'help', flags }
  if (command === 'serve') {
    if (rest.length > 0) throw new UsageError(`serve takes no argument, and was given ${rest.join(' ')}`)
    refuse(flags, ['project', 'instance', 'write'], 'setup')
    return { command, flags }
  }
  if (command === 'setup') {
    if (rest.length > 1) throw new UsageError(`setup takes one tool, or none for all, and was given ${rest.join(' ')}`)
    refuse(flags, ['data', 'workers'], 'serve')
    return { command, tool: rest[0], flags }
  }
  if (command === undefined) throw new UsageError('a command is missing: serve, or setup')
  throw new UsageError(`there is no command ${command}${hint(nearestOf(command, ['serve', 'setup']))}`)
}

/** In words of our own: those of Node.js tell how to pass `--nope` as something that is no option. */
function checkOptions(args: string[]): void {
  const { tokens } = parseArgs({ args, allowPositionals: true, options: OPTIONS, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    const option = isOption(name) ? OPTIONS[name] : undefined
    if (option === undefined) {
      const nearest = nearestOf(name, Object.keys(OPTIONS))
      throw new UsageError(`there is no option ${rawName}${hint(nearest && `--${nearest}`)}`)
    }
    if (option.type === 'boolean' && value !== undefined) throw new UsageError(`${rawName} takes no value`)
    const isMissing = value === undefined || (!inlineValue && value.startsWith('-'))
    if (option.type === 'string' && isMissing) throw new UsageError(`${rawName} needs a value`)
  }
}

function isOption(name: string): name is keyof typeof OPTIONS {
  return Object.hasOwn(OPTIONS, name)
}

function hint(nearest: string | undefined): string {
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

function refuse(flags: Flags, names: readonly (keyof Flags)[], command: string): void {
  const name = names.find((each) => flags[each] !== undefined)
  if (name !== undefined) throw new UsageError(`--${name} is an option of ${command}`)
}
