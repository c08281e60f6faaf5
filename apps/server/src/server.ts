import type { AddressInfo } from 'node:net'
import type { ServerConfig } from './config/server-config.ts'
import { countWorkers } from './config/worker-count.ts'
import type { Log } from './log.ts'
import { createLog } from './log.ts'
import { startSingleServer } from './single-server.ts'
import { startWorkers } from './workers/start-workers.ts'

/** What a server needs besides its configuration. */
export interface ServerOptions {
  /** The folder that relative paths in the configuration are relative to. Default: the current folder. */
  readonly baseDirectory?: string | undefined
  /**
   * Where to say what happens. Default: JSON lines on standard error. With several workers, what becomes of them is said
   * there, while each of them writes such lines of its own.
   */
  readonly log?: Log | undefined
}

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  readonly grpcAddress: AddressInfo
  readonly httpAddress: AddressInfo
  /** The folder for data, absolute. */
  readonly dataDirectory: string
  /** Refuses new requests, lets those under way finish, then stops the backend. However often it is called, it resolves when all that is done. */
  stop(): Promise<void>
}

/**
 * Starts a server: in this process, or as several processes if the configuration says `workers`.
 *
 * @throws ConfigError when the configuration cannot be used; the error of Node.js when an address cannot be bound; and
 * what the backend fails to start with. Nothing is left running then.
 */
export async function startServer(
  config: ServerConfig = {},
  { baseDirectory = process.cwd(), log = createLog() }: ServerOptions = {},
): Promise<RunningServer> {
  const processes = countWorkers(config.workers)
  if (processes === 1) return startSingleServer(config, { baseDirectory, log })
  return startWorkers(config, { baseDirectory, log, processes })
}
