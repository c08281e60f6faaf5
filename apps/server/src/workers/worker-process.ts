import { createLog } from '../log.ts'
import { tuneHeap } from '../tune-heap.ts'
import type { SingleServer } from '../single-server.ts'
import { startSingleServer } from '../single-server.ts'
import type { ServerTotals } from '../statistics/server-status.ts'
import type { SupervisorMessage, WorkerMessage, WorkerTask } from './messages.ts'
import { tellError } from './told-error.ts'

/** How often the supervisor is told what was done, in milliseconds: so much is forgotten at most if this process is killed. */
const REPORT_EVERY_MS = 1000

// One process of a server: its supervisor says what to serve, and when to stop.
const log = createLog()
const wanted = new Map<number, (totals: ServerTotals) => void>()
let lastId = 0
let server: Promise<SingleServer> | undefined
let stopping: Promise<void> | undefined

tuneHeap()
// A Ctrl-C reaches every process of a terminal, and some supervisors signal all processes of a service: ours says when.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('disconnect', () => void stop())
process.on('message', (message: SupervisorMessage) => void receive(message))

async function receive(message: SupervisorMessage): Promise<void> {
  if (message.kind === 'start') await start(message.task)
  else if (message.kind === 'stop') await stop()
  else if (message.kind === 'report-wanted') await report()
  else {
    wanted.get(message.id)?.(message.totals)
    wanted.delete(message.id)
  }
}

async function start({ config, baseDirectory, processes, index, startedAtMs }: WorkerTask): Promise<void> {
  const share = { processes, index, startedAt: new Date(startedAtMs), totals: askForTotals }
  server = startSingleServer(config, { baseDirectory, log, share })
  try {
    const { grpcAddress, httpAddress, dataDirectory } = await server
    tell({ kind: 'started', grpcAddress, httpAddress, dataDirectory })
    setInterval(() => void report(), REPORT_EVERY_MS).unref()
  } catch (error) {
    end(error)
  }
}

function askForTotals(): Promise<ServerTotals> {
  const { promise, resolve } = Promise.withResolvers<ServerTotals>()
  lastId += 1
  wanted.set(lastId, resolve)
  tell({ kind: 'totals-wanted', id: lastId })
  return promise
}

/** Says what was done. A server that cannot start has done nothing, and says that by itself. */
async function report(): Promise<void> {
  const running = await server?.catch(() => undefined)
  if (running !== undefined) tell({ kind: 'report', report: running.report() })
}

/** Stops once, when told to or when there is no supervisor any more. */
function stop(): Promise<void> {
  stopping ??= stopServing()
  return stopping
}

async function stopServing(): Promise<void> {
  try {
    const running = await server
    await running?.stop()
    await report()
    if (process.connected) process.disconnect()
  } catch (error) {
    end(error)
  }
}

/** Ends this process for a reason that the supervisor should know. */
function end(error: unknown): void {
  process.exitCode = 1
  tell({ kind: 'failed', error: tellError(error) })
  if (process.connected) process.disconnect()
}

function tell(message: WorkerMessage): void {
  // Without a supervisor there is nobody to be told.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}
