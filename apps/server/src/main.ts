import { resolve } from 'node:path'
import type { CommandLine, Flags } from './command-line.ts'
import { parseCommandLine, USAGE, UsageError } from './command-line.ts'
import type { LoadConfigOptions, LoadedConfig } from './config/load-config.ts'
import { parseWorkers } from './config/worker-count.ts'
import { version } from './version.ts'

/** How to leave when the command line itself is wrong. */
const EXIT_USAGE = 2

await main(process.argv.slice(2))

async function main(args: string[]): Promise<void> {
  try {
    await run(parseCommandLine(args))
  } catch (error) {
    const isUsage = error instanceof UsageError
    process.stderr.write(`caskade: ${explain(error)}\n${isUsage ? 'caskade --help says what there is.\n' : ''}`)
    process.exitCode = isUsage ? EXIT_USAGE : 1
  }
}

async function run({ command, tool, flags }: CommandLine): Promise<void> {
  if (command === 'version') process.stdout.write(`${version}\n`)
  else if (command === 'help') process.stdout.write(USAGE)
  else if (command === 'serve') await runServe(flags)
  else await runSetup(flags, tool)
}

async function runServe(flags: Flags): Promise<void> {
  const { serve } = await import('./commands/serve.ts')
  await serve(await configOf(flags), explain)
}

async function runSetup(flags: Flags, tool: string | undefined): Promise<void> {
  const { setUp } = await import('./commands/setup.ts')
  const { config } = await configOf(flags, { checksBackend: false })
  const { instance: instanceName = '', write = false, project = '.' } = flags
  const { output, problems } = setUp({ tool, project: resolve(project), write, instanceName, config })
  process.stdout.write(output)
  for (const problem of problems) process.stderr.write(`caskade: ${problem}\n`)
  if (problems.length > 0) process.exitCode = 1
}

/** The configuration of the file, if there is one, and of the flags, which win over it. */
async function configOf(flags: Flags, options?: LoadConfigOptions): Promise<LoadedConfig> {
  const { config, ...loaded }: LoadedConfig =
    flags.config === undefined ? { config: {}, baseDirectory: process.cwd() } : await readConfig(flags.config, options)
  return {
    ...loaded,
    config: {
      ...config,
      ...(flags.listen !== undefined && { listen: flags.listen }),
      ...(flags['http-listen'] !== undefined && { httpListen: flags['http-listen'] }),
      // Relative to where the command is run, not to the configuration file.
      ...(flags.data !== undefined && { data: resolve(flags.data) }),
      ...(flags.workers !== undefined && { workers: parseWorkers(flags.workers, '--workers') }),
    },
  }
}

/** What reads YAML is loaded when there is some. */
async function readConfig(path: string, options: LoadConfigOptions | undefined): Promise<LoadedConfig> {
  const { loadConfig } = await import('./config/load-config.ts')
  return loadConfig(path, options)
}

function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
