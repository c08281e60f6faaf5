import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { LoadedConfig } from './config/load-config.ts'
import { loadConfig } from './config/load-config.ts'
import { version } from './version.ts'

const USAGE = `Usage: caskade serve [options]
       caskade setup [TOOL] [options]

Serves a build cache, or says how a build tool is told of it.

Options of both:
  --config FILE               read the configuration from a YAML file
  --listen HOST:PORT          gRPC is served here (default 127.0.0.1:8980)
  --http-listen HOST:PORT     HTTP is served here (default 127.0.0.1:8981)

Options of serve:
  --data DIR                  keep data here (default: the platform's cache folder)

Options of setup, in the folder of a project:
  --instance NAME             use this instance, which keeps its keys apart from others
  --write                     change the files of the project rather than print what they should say

  --version                   print the version
  --help                      print this
`

/** How to leave when the command line itself is wrong. */
const EXIT_USAGE = 2

await main(process.argv.slice(2))

async function main(args: string[]): Promise<void> {
  try {
    const { values, positionals } = parseCommandLine(args)
    const [command, ...rest] = positionals
    if (values.version === true) process.stdout.write(`${version}\n`)
    else if (values.help === true) process.stdout.write(USAGE)
    else if (command === 'serve' && rest.length === 0) await runServe(values)
    else if (command === 'setup' && rest.length <= 1) await runSetup(values, rest[0])
    else failUsage(command === undefined ? 'a command is missing' : `unknown command: ${positionals.join(' ')}`)
  } catch (error) {
    process.stderr.write(`caskade: ${explain(error)}\n`)
    process.exitCode = 1
  }
}

type Flags = ReturnType<typeof parseCommandLine>['values']

function parseCommandLine(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        listen: { type: 'string' },
        'http-listen': { type: 'string' },
        data: { type: 'string' },
        instance: { type: 'string' },
        write: { type: 'boolean' },
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    return failUsage(explain(error))
  }
}

async function runServe(flags: Flags): Promise<void> {
  if (flags.instance !== undefined || flags.write !== undefined)
    failUsage('--instance and --write are options of setup')
  const { serve } = await import('./commands/serve.ts')
  await serve(await configOf(flags), explain)
}

async function runSetup(flags: Flags, tool: string | undefined): Promise<void> {
  if (flags.data !== undefined) failUsage('--data is an option of serve')
  const { setUp } = await import('./commands/setup.ts')
  const { config } = await configOf(flags)
  const { instance: instanceName = '', write = false } = flags
  process.stdout.write(setUp({ tool, project: process.cwd(), write, instanceName, config }))
}

/** The configuration of the file, if there is one, and of the flags, which win over it. */
async function configOf(flags: Flags): Promise<LoadedConfig> {
  const { config, baseDirectory }: LoadedConfig =
    flags.config === undefined ? { config: {}, baseDirectory: process.cwd() } : await loadConfig(flags.config)
  return {
    baseDirectory,
    config: {
      ...config,
      ...(flags.listen !== undefined && { listen: flags.listen }),
      ...(flags['http-listen'] !== undefined && { httpListen: flags['http-listen'] }),
      // Relative to where the command is run, not to the configuration file.
      ...(flags.data !== undefined && { data: resolve(flags.data) }),
    },
  }
}

function failUsage(reason: string): never {
  process.stderr.write(`caskade: ${reason}\n\n${USAGE}`)
  process.exit(EXIT_USAGE)
}

function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
