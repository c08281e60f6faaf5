import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** What a command came to. */
export interface CommandResult {
  readonly code: number | null
  /** Standard output and standard error, one after the other. */
  readonly output: string
}

/** How a command is run. */
export interface CommandOptions {
  readonly cwd: string
  /** Added to this process's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly timeoutMs?: number | undefined
}

/** Runs a command to its end. */
export async function run(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const { cwd, env, timeoutMs = 600_000 } = options
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, output: stdout + stderr }
}

/** Runs a command that must succeed; resolves to its output. */
export async function runOk(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { code, output } = await run(command, args, options)
  if (code === 0) return output
  throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${output}`)
}

/** Tells whether a command can be run here. Where it must be, as in CI, its absence is an error. */
export function isInstalled(
  command: string,
  isRequired: boolean = process.env['CASKADE_E2E_REQUIRE_CLIENTS'] === '1',
): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
  if (!found && isRequired) throw new Error(`${command} must be installed here`)
  if (!found) process.stdout.write(`skipped: ${command} is not installed\n`)
  return found
}
