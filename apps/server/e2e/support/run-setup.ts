import { fileURLToPath } from 'node:url'
import type { CommandOptions } from './run.ts'
import { runOk } from './run.ts'
import type { ServerProcess } from './server-process.ts'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** Has `caskade setup` write what a project needs to use a server. */
export async function runSetup(
  tool: string,
  { grpc, http }: Pick<ServerProcess, 'grpc' | 'http'>,
  options: CommandOptions,
): Promise<void> {
  const addresses = ['--listen', grpc, '--http-listen', http.replace('http://', '')]
  await runOk(process.execPath, [cli, 'setup', tool, '--write', ...addresses], options)
}
