import { setTimeout } from 'node:timers/promises'
import { median } from '../bench/statistics.ts'
import { cpuUsOf } from '../bench-server/process-usage.ts'
import { RunningSubject } from '../bench-server/subject.ts'
import { isErrnoException } from '@caskade/core'
import type { FreshBlobs } from './fresh-blobs.ts'
import { sendHttp } from './http-client.ts'
import { canDropPageCache, dropPageCache } from './page-cache.ts'
import { untilQuiet } from './quiet.ts'
import { randomAt } from './blob-series.ts'
import { batchUpdateBlobs } from '../bench-server/grpc-requests.ts'
import { writeRequests } from '../bench-server/request-file.ts'
import { join } from 'node:path'
import type { ScaleRun } from './scale-run.ts'
import type { ScaleSubject } from './scale-subject.ts'
import { ampleLimits } from './scale-subject.ts'

/** How long a start may take, in milliseconds. */
const MAX_MS = 600_000

/** How long to wait before asking again, in milliseconds. */
const ASK_AGAIN_MS = 2

/** When a server that stores blobs is killed, in milliseconds after the first. */
const KILL_AFTER_MS = 400

/** What is measured of the starts of one server. */
interface StartOptions extends ScaleRun {
  readonly subject: ScaleSubject
  /** Where its store is. */
  readonly store: string
  readonly blobs: number
  readonly fresh: FreshBlobs
}

/** Measures how long it is from the start of a process to its first answer, after a clean end and after a kill. */
export async function measureStartUp(options: StartOptions): Promise<void> {
  const { subject, store, effort, note, blobs, signal } = options
  const take = (measure: string, value: number): void =>
    note({ part: 'start-up', subject: subject.kind.name, blobs, measure, value })
  const isColdPossible = canDropPageCache()

  const cold: number[] = []
  const warm: number[] = []
  const cpu: number[] = []
  // The first one to start may have to work off what filled the store.
  await (await firstAnswer(options, 0)).server[Symbol.asyncDispose]()
  for (let start = 0; start < effort.starts; start += 1) {
    for (const [times, isCold] of [[cold, true] as const, [warm, false] as const]) {
      if (isCold && !isColdPossible) continue
      if (isCold) await dropPageCache(store)
      const { server, tookMs } = await firstAnswer(options, start)
      times.push(tookMs)
      if (!isCold) cpu.push(cpuUsOf(server.pid) / 1000)
      await server[Symbol.asyncDispose]()
    }
  }
  if (isColdPossible) take('after a clean end, nothing in the page cache, ms', median(cold))
  take('after a clean end, ms', median(warm))
  take('after a clean end, CPU ms', median(cpu))

  const killed: number[] = []
  const killedCold: number[] = []
  const killedCpu: number[] = []
  for (let start = 0; start < effort.starts; start += 1) {
    for (const [times, isCold] of [[killedCold, true] as const, [killed, false] as const]) {
      if (isCold && !isColdPossible) continue
      await killWhileWriting(options)
      if (isCold) await dropPageCache(store)
      const { server, tookMs } = await firstAnswer(options, start)
      times.push(tookMs)
      if (!isCold) killedCpu.push(cpuUsOf(server.pid) / 1000)
      await server.kill()
    }
  }
  if (isColdPossible) take('after a kill, nothing in the page cache, ms', median(killedCold))
  take('after a kill, ms', median(killed))
  take('after a kill, CPU ms', median(killedCpu))

  const { server } = await firstAnswer(options, effort.starts)
  await using running = server
  const { cpuUs, tookMs } = await untilQuiet(running.pid, signal)
  take('in the background after a kill, CPU s', cpuUs / 1e6)
  take('in the background after a kill, s', tookMs / 1000)
}

/** Starts a server and asks for one of the blobs until it answers. */
async function firstAnswer(
  { subject, store, series, seed, blobs, signal }: StartOptions,
  start: number,
): Promise<{ readonly server: RunningSubject; readonly tookMs: number }> {
  const { hash } = series.digest(Math.floor(randomAt(seed, start, 7) * blobs))
  const server = await RunningSubject.spawn(subject.kind, store, ampleLimits)
  try {
    while (performance.now() - server.startedMs < MAX_MS) {
      signal.throwIfAborted()
      if (server.isOver) throw new Error(`${subject.kind.name} ended as it was started`)
      const answer = await sendHttp({ address: server.address('http'), method: 'GET', path: `/cas/${hash}` }).catch(
        refused,
      )
      if (answer === undefined) {
        await setTimeout(ASK_AGAIN_MS)
        continue
      }
      if (answer.status === 200) return { server, tookMs: performance.now() - server.startedMs }
      throw new Error(`${subject.kind.name} answers ${answer.status} for a blob that is there`)
    }
    throw new Error(`${subject.kind.name} does not answer`)
  } catch (error) {
    await server.kill()
    throw error
  }
}

/** Nobody listens yet. */
function refused(error: unknown): undefined {
  if (!isErrnoException(error, 'ECONNREFUSED') && !isErrnoException(error, 'ECONNRESET')) throw error
}

async function killWhileWriting({ subject, store, fresh, folder, load, signal }: StartOptions): Promise<void> {
  const requests = Array.from({ length: 400 }, (_, index) => batchUpdateBlobs(fresh.take(20), index))
  const file = writeRequests(join(folder, 'bodies'), requests)
  const server = await RunningSubject.start(subject.kind, store, ampleLimits)
  const sent = load.run(file, {
    protocol: 'grpc',
    address: server.address('grpc'),
    inFlight: 4,
    repeat: false,
    durationMs: 10_000,
  })
  // Most of its requests fail, and are to.
  const isOver = sent.then(
    () => undefined,
    () => undefined,
  )
  try {
    await setTimeout(KILL_AFTER_MS, undefined, { signal })
  } finally {
    await server.kill()
  }
  await isOver
}
