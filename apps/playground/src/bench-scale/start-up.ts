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

/** How a server ends before the next start. */
interface Ending {
  /** Done before each start. */
  readonly prepare: () => Promise<void>
  readonly end: (server: RunningSubject) => Promise<void>
}

/** Measures how long it is from the start of a process to its first answer, after a clean end and after a kill. */
export async function measureStartUp(options: StartOptions): Promise<void> {
  const { subject, effort, note, blobs, signal } = options
  const take = (measure: string, value: number): void =>
    note({ part: 'start-up', subject: subject.kind.name, blobs, measure, value })
  // The first one to start may have to work off what filled the store.
  await (await firstAnswer(options, 0)).server[Symbol.asyncDispose]()
  const endings: Readonly<Record<string, Ending>> = {
    'after a clean end': { prepare: () => Promise.resolve(), end: (server) => server[Symbol.asyncDispose]() },
    'after a kill': { prepare: () => killWhileWriting(options), end: (server) => server.kill() },
  }
  for (const [name, ending] of Object.entries(endings)) {
    const { coldMs, warmMs, cpuMs } = await measureStarts(options, ending)
    if (coldMs.length > 0) take(`${name}, nothing in the page cache, ms`, median(coldMs))
    take(`${name}, ms`, median(warmMs))
    take(`${name}, CPU ms`, median(cpuMs))
  }

  const { server } = await firstAnswer(options, effort.starts)
  await using running = server
  const { cpuUs, tookMs } = await untilQuiet(running.pid, signal)
  take('in the background after a kill, CPU s', cpuUs / 1e6)
  take('in the background after a kill, s', tookMs / 1000)
}

/** Measures starts with and, where that can be had, without anything in the page cache, in turns. */
async function measureStarts(
  options: StartOptions,
  { prepare, end }: { readonly prepare: () => Promise<void>; readonly end: (server: RunningSubject) => Promise<void> },
): Promise<{ readonly coldMs: number[]; readonly warmMs: number[]; readonly cpuMs: number[] }> {
  const times = { coldMs: [] as number[], warmMs: [] as number[], cpuMs: [] as number[] }
  for (let start = 0; start < options.effort.starts; start += 1) {
    for (const isCold of canDropPageCache() ? [true, false] : [false]) {
      await prepare()
      if (isCold) await dropPageCache(options.store)
      const { server, tookMs } = await firstAnswer(options, start)
      times[isCold ? 'coldMs' : 'warmMs'].push(tookMs)
      if (!isCold) times.cpuMs.push(cpuUsOf(server.pid) / 1000)
      await end(server)
    }
  }
  return times
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
