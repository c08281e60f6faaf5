import { join } from 'node:path'
import { findMissingBlobs } from '../bench-server/grpc-requests.ts'
import { httpGet } from '../bench-server/http-requests.ts'
import { cpuUsOf, peakMemoryOf, residentMemoryOf } from '../bench-server/process-usage.ts'
import type { PreparedRequest } from '../bench-server/request-file.ts'
import { writeRequests } from '../bench-server/request-file.ts'
import type { RunningSubject } from '../bench-server/subject.ts'
import { randomAt } from './blob-series.ts'
import { untilQuiet } from './quiet.ts'
import type { ScaleRun } from './scale-run.ts'

const READS = 100_000

/** How many blobs are looked for at once when all are. */
const LOOKED_FOR = 1000

/** Requests for so many blobs are made up and sent together: a file holds them meanwhile. */
const BLOBS_PER_FILE = 500_000

const MIB = 1024 ** 2

/** What a response to FindMissingBlobs comes to in which nothing is missing, in bytes: the prefix of an empty message. */
const NOTHING_BYTES = 5

/** Measures what a server that has just been started has in memory, and what it has after it was asked for much. */
export async function measureMemory(
  server: RunningSubject,
  { series, seed, folder, load, signal, note, blobs }: ScaleRun & { readonly blobs: number },
): Promise<void> {
  const take = (measure: string, value: number): void =>
    note({ part: 'memory', subject: server.kind.name, blobs, measure, value })
  const send = (protocol: 'grpc' | 'http', requests: Iterable<PreparedRequest>): ReturnType<typeof load.run> => {
    const file = writeRequests(join(folder, 'bodies'), requests)
    const address = server.address(protocol)
    return load.run(file, { protocol, address, inFlight: 16, repeat: false, durationMs: 1_800_000 })
  }

  await untilQuiet(server.pid, signal)
  take('idle, MiB', residentMemoryOf(server.pid) / MIB)

  await send('http', reads())
  take('after 100,000 reads at random, MiB', residentMemoryOf(server.pid) / MIB)
  await untilQuiet(server.pid, signal)

  const cpuUsBefore = cpuUsOf(server.pid)
  let askedCpuUs = 0
  for (let from = 0; from < blobs; from += BLOBS_PER_FILE) {
    signal.throwIfAborted()
    const before = cpuUsOf(server.pid)
    const { requests, receivedBytes } = await send('grpc', lookups(from, Math.min(from + BLOBS_PER_FILE, blobs)))
    if (receivedBytes !== requests * NOTHING_BYTES) throw new Error(`${server.kind.name}: blobs are missing`)
    askedCpuUs += cpuUsOf(server.pid) - before
  }
  take('after FindMissingBlobs of all, MiB', residentMemoryOf(server.pid) / MIB)
  const { tookMs } = await untilQuiet(server.pid, signal)
  take('quiet again, MiB', residentMemoryOf(server.pid) / MIB)
  take('most at any time, MiB', peakMemoryOf(server.pid) / MIB)
  take('FindMissingBlobs of all: CPU µs per 1,000 while asked', askedCpuUs / (blobs / LOOKED_FOR))
  take('the same with what is done afterwards', (cpuUsOf(server.pid) - cpuUsBefore) / (blobs / LOOKED_FOR))
  take('quiet again after, s', tookMs / 1000)

  function* reads(): Generator<PreparedRequest> {
    for (let index = 0; index < READS; index += 1) {
      yield httpGet(series.blob(Math.floor(randomAt(seed, index, 8) * blobs)))
    }
  }

  function* lookups(from: number, to: number): Generator<PreparedRequest> {
    for (let start = from; start < to; start += LOOKED_FOR) {
      const count = Math.min(LOOKED_FOR, to - start)
      const digests = Array.from({ length: count }, (_, index) => series.digest(start + index))
      yield findMissingBlobs(digests, start / LOOKED_FOR)
    }
  }
}
