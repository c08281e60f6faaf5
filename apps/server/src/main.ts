import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigError } from './config/config-error.ts'
import type { LoadedConfig } from './config/load-config.ts'
import { loadConfig } from './config/load-config.ts'
import { isLoopback, parseListenAddress } from './config/listen-address.ts'
import type { ServerConfig } from './config/server-config.ts'
import { startServer } from './server.ts'
import { startupMessage } from './startup-message.ts'
import { version } from './version.ts'

const USAGE = `Usage: caskade serve [options]

Serves a build cache.

Options:
  --config FILE               read the configuration from a YAML file
  --listen HOST:PORT          serve gRPC here (default 127.0.0.1:8980)
  --http-listen HOST:PORT     serve HTTP here (default 127.0.0.1:8981)
  --data DIR                  keep data here (default: the platform's cache folder)
  --version                   print the version
  --help                      print this
`

/** How to leave when the command line itself is wrong. */
const EXIT_USAGE = 2

await main(process.argv.slice(2))

async function main(args: string[]): Promise<void> {
  try {
    const { values, positionals } = parseCommandLine(args)
    if (values.version === true) process.stdout.write(`${version}\n`)
    else if (values.help === true) process.stdout.write(USAGE)
    else if (positionals.length === 1 && positionals[0] === 'serve') await serve(values)
    else failUsage(positionals.length === 0 ? 'a command is missing' : `unknown command: ${positionals.join(' ')}`)
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
        version: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    return failUsage(explain(error))
  }
}

async function serve(flags: Flags): Promise<void> {
  const loaded: LoadedConfig =
    flags.config === undefined ? { config: {}, baseDirectory: process.cwd() } : await loadConfig(flags.config)
  const config = {
    ...loaded.config,
    ...(flags.listen !== undefined && { listen: flags.listen }),
    ...(flags['http-listen'] !== undefined && { httpListen: flags['http-listen'] }),
    // Relative to where the command is run, not to the configuration file.
    ...(flags.data !== undefined && { data: resolve(flags.data) }),
  }
  const starting = startServer(config, { baseDirectory: loaded.baseDirectory })
  // Before anybody can know that it runs: a signal that comes while it starts stops it once it has.
  stopOnSignal(async () => (await starting).stop())
  const server = await starting
  process.stdout.write(startupMessage(server))
  warnIfOpen(config)
}

/** Without authentication, whoever reaches the server can read and write everything. */
function warnIfOpen({ listen = '', httpListen = '' }: ServerConfig): void {
  for (const [option, address] of Object.entries({ listen, httpListen })) {
    if (address === '' || isLoopback(parseListenAddress(address, option))) continue
    process.stderr.write(
      `caskade: warning: ${address} can be reached from other machines, and nobody is asked who they are\n`,
    )
  }
}

/** The first signal stops the server in order; a second one ends the process at once. */
function stopOnSignal(stop: () => Promise<void>): void {
  let isStopping = false
  const onSignal = (): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    stop().catch((error: unknown) => {
      process.stderr.write(`caskade: ${explain(error)}\n`)
      process.exitCode = 1
    })
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
}

function failUsage(reason: string): never {
  process.stderr.write(`caskade: ${reason}\n\n${USAGE}`)
  process.exit(EXIT_USAGE)
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof Error) return error.message
  return String(error)
}
