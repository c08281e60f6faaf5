import { commandName } from '../config/environment.ts'
import { isLoopback, parseListenAddress } from '../config/listen-address.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import type { ServerConfig } from '../config/server-config.ts'
import { startServer } from '../server.ts'
import { startupMessage } from '../startup-message.ts'
import { tuneHeap } from '../tune-heap.ts'

/** Runs a server until a signal stops it. `explain` describes a failure to stop. */
export async function serve(
  { config, baseDirectory, path }: LoadedConfig,
  explain: (error: unknown) => string,
): Promise<void> {
  tuneHeap()
  const starting = startServer(config, { baseDirectory })
  // Before anybody can know that it runs: a signal that comes while it starts stops it once it has.
  stopOnSignal(async () => (await starting).stop(), explain)
  const server = await starting
  process.stdout.write(startupMessage(server, { config, path, command: commandName() }))
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
function stopOnSignal(stop: () => Promise<void>, explain: (error: unknown) => string): void {
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
