import { createServer } from 'node:net'
import { CleanupStack } from '../cleanup-stack.ts'
import type { ListenAddress } from '../config/listen-address.ts'
import { parseListenAddress } from '../config/listen-address.ts'
import type { ServerConfig } from '../config/server-config.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from '../config/server-config.ts'
import { listenOn } from '../listen-on.ts'
import type { Log } from '../log.ts'
import type { RunningServer } from '../server.ts'
import { Supervisor } from './supervisor.ts'

/** What a server of several processes needs besides its configuration. */
export interface WorkersOptions {
  readonly baseDirectory: string
  readonly log: Log
  readonly processes: number
}

/** Starts a server as several processes that listen at the same ports; see `startServer`. */
export async function startWorkers(
  config: ServerConfig,
  { baseDirectory, log, processes }: WorkersOptions,
): Promise<RunningServer> {
  const listen = await findPort(parseListenAddress(config.listen ?? DEFAULT_LISTEN, 'listen'))
  const httpListen = await findPort(parseListenAddress(config.httpListen ?? DEFAULT_HTTP_LISTEN, 'httpListen'))
  const task = { config: { ...config, listen, httpListen }, baseDirectory, processes, startedAtMs: Date.now() }
  const supervisor = new Supervisor(task, log)
  const cleanup = new CleanupStack()
  const kill = (): void => supervisor.kill()
  // Whoever ends this process in a hurry wants all of the server ended.
  process.on('exit', kill)
  cleanup.defer(() => process.off('exit', kill))
  cleanup.defer(() => supervisor.stop())
  try {
    // What has to be done once, such as bringing a database up to date, the first does while it is alone.
    const { grpcAddress, httpAddress, dataDirectory } = await supervisor.start(0)
    await Promise.all(Array.from({ length: processes - 1 }, (_, index) => supervisor.start(index + 1)))
    let stopping: Promise<void> | undefined
    const stop = (): Promise<void> => (stopping ??= cleanup.unwind())
    return { grpcAddress, httpAddress, dataDirectory, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await cleanup.unwind().catch(() => undefined)
    throw error
  }
}

/**
 * Finds the port to be shared, and rejects with the error of Node.js when another server has it: to those that share one, a
 * server that is none of them would look like one of them.
 */
async function findPort({ host, port }: ListenAddress): Promise<string> {
  const server = createServer()
  const { port: found } = await listenOn(server, { host, port, exclusive: true })
  const closed = Promise.withResolvers<void>()
  server.close(() => closed.resolve())
  await closed.promise
  return host.includes(':') ? `[${host}]:${found}` : `${host}:${found}`
}
