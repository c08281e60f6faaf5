import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Blob } from '../bench-server/blobs.ts'
import { batchUpdateBlobs, findMissingBlobs } from '../bench-server/grpc-requests.ts'
import { httpGet, httpPut } from '../bench-server/http-requests.ts'
import { inBatches } from '../bench-server/in-batches.ts'
import type { LoadResult } from '../bench-server/load.ts'
import { cpuUsOf } from '../bench-server/process-usage.ts'
import { writeRequests } from '../bench-server/request-file.ts'
import { RunningSubject } from '../bench-server/subject.ts'
import { randomAt } from './blob-series.ts'
import { DiskWatcher, diskUseOf } from './disk-use.ts'
import { fillStore } from './fill.ts'
import type { FreshBlobs } from './fresh-blobs.ts'
import { untilQuiet } from './quiet.ts'
import type { ScaleRun } from './scale-run.ts'
import type { ScaleSubject } from './scale-subject.ts'
import { ampleLimits } from './scale-subject.ts'

/** What was used within this stays: all that a run reads and writes, and nothing of what was there before it. */
const LEASE_MS = 1_800_000

/** How much of the store is written anew at a time, and until it is full: less than half of it in all, as all of it is leased. */
const WRITTEN_SHARE = 0.1

/** The room that there is beside what is stored, as a share of that: the next writes fill it. */
const SPARE_SHARE = 0.15

/** So many of the blobs are read again and again. */
const READ_BLOBS = 2000

const WRITES_IN_FLIGHT = 16
const READS_IN_FLIGHT = 4
const BATCH = 100
const LOOKED_FOR = 1000

/** A digest and what surrounds it in a response to FindMissingBlobs, in bytes; and the prefix of the response. */
const MISSING_BYTES = 71
const PREFIX_BYTES = 5

/** What the eviction of one server is measured with. */
interface EvictionOptions extends ScaleRun {
  readonly subject: ScaleSubject
  readonly blobs: number
  readonly fresh: FreshBlobs
}

/** What came of writing with or without somebody reading. */
interface Window {
  readonly cpuUsPerWrite: number
  readonly writes: LoadResult
  readonly reads?: LoadResult | undefined
}

/**
 * Fills a store of its own to its quota, and measures writing with eviction beside writing without.
 *
 * All that is written or read meanwhile is within its lease, and must be there in the end.
 */
export async function measureEviction(options: EvictionOptions): Promise<void> {
  const { subject, blobs, fresh, series, seed, folder, signal, note } = options
  const take = (measure: string, value: number): void =>
    note({ part: 'eviction', subject: subject.kind.name, blobs, measure, value })
  const own = join(folder, 'eviction')
  await mkdir(own)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(own, { recursive: true, force: true, maxRetries: 5 }))
  await fillStore(own, () => subject.store.open(own), { series, seed, blobs, signal })

  const count = Math.floor(blobs * WRITTEN_SHARE)
  const read = Array.from({ length: READ_BLOBS }, (_, index) =>
    series.blob(Math.floor(randomAt(seed, index, 9) * blobs)),
  )
  await withServer(options, own, ampleLimits.maxBytes, async (server) => {
    const alone = await measureWrites(options, server, fresh.take(count), [])
    const beside = await measureWrites(options, server, fresh.take(count), read)
    takeWindows('without eviction', alone, beside, take)
  })

  const quotaBytes = Math.floor((await diskUseOf(own)) * (1 + SPARE_SHARE))
  await withServer(options, own, quotaBytes, async (server) => {
    const watcher = new DiskWatcher(join(own, 'store'))
    const written: Blob[] = []
    const takeFresh = (some: number): Blob[] => {
      const taken = fresh.take(some)
      written.push(...taken)
      return taken
    }
    try {
      await measureReads(options, server, read)
      await writeBatches(options, server, takeFresh(count))
      const alone = await measureWrites(options, server, takeFresh(count), [])
      const beside = await measureWrites(options, server, takeFresh(count), read)
      takeWindows('with eviction', alone, beside, take)
    } finally {
      await watcher[Symbol.asyncDispose]()
    }
    take('most on disk, share of the quota', watcher.mostBytes / quotaBytes)
    take('looks at the disk', watcher.looks)
    take('gone within their lease', await countMissing(options, server, [...read, ...written]))
    take('gone of those from before', await countMissing(options, server, sampled(options)))
  })
}

function takeWindows(
  name: string,
  alone: Window,
  beside: Window,
  take: (measure: string, value: number) => void,
): void {
  take(`write ${name}, CPU µs`, alone.cpuUsPerWrite)
  take(`write ${name}, p50 ms`, alone.writes.p50Us / 1000)
  take(`write ${name}, p99 ms`, alone.writes.p99Us / 1000)
  take(`write ${name} beside reads, p99 ms`, beside.writes.p99Us / 1000)
  take(`read beside writes ${name}, p50 ms`, (beside.reads?.p50Us ?? Number.NaN) / 1000)
  take(`read beside writes ${name}, p99 ms`, (beside.reads?.p99Us ?? Number.NaN) / 1000)
}

async function withServer(
  { subject, signal }: EvictionOptions,
  folder: string,
  maxBytes: number,
  use: (server: RunningSubject) => Promise<void>,
): Promise<void> {
  await using server = await RunningSubject.start(subject.kind, folder, { maxBytes, leaseMs: LEASE_MS })
  await untilQuiet(server.pid, signal)
  await use(server)
}

/** Writes blobs one by one; if there are some to read, those are read meanwhile. */
async function measureWrites(
  { folder, load, signal }: EvictionOptions,
  server: RunningSubject,
  written: readonly Blob[],
  read: readonly Blob[],
): Promise<Window> {
  signal.throwIfAborted()
  const protocol = 'http'
  const address = server.address(protocol)
  const writeFile = writeRequests(join(folder, 'bodies'), written.map(httpPut))
  const readFile = writeRequests(join(folder, 'read-bodies'), read.map(httpGet))
  const isWritten = new AbortController()
  const how = { protocol, address, durationMs: 600_000 } as const
  const before = cpuUsOf(server.pid)
  const reading =
    read.length === 0
      ? undefined
      : load.run(readFile, { ...how, inFlight: READS_IN_FLIGHT, repeat: true, signal: isWritten.signal })
  reading?.catch(() => undefined)
  const writes = await load
    .run(writeFile, { ...how, inFlight: WRITES_IN_FLIGHT, repeat: false })
    .finally(() => isWritten.abort())
  const reads = await reading
  await untilQuiet(server.pid, signal)
  return { cpuUsPerWrite: (cpuUsOf(server.pid) - before) / writes.requests, writes, reads }
}

/** Reads each of the blobs once. */
async function measureReads(
  { folder, load }: EvictionOptions,
  server: RunningSubject,
  read: readonly Blob[],
): Promise<void> {
  const protocol = 'http'
  const file = writeRequests(join(folder, 'read-bodies'), read.map(httpGet))
  const address = server.address(protocol)
  await load.run(file, { protocol, address, inFlight: READS_IN_FLIGHT, repeat: false, durationMs: 600_000 })
}

async function writeBatches(
  { folder, load }: EvictionOptions,
  server: RunningSubject,
  blobs: readonly Blob[],
): Promise<void> {
  const file = writeRequests(join(folder, 'bodies'), inBatches(blobs, BATCH).map(batchUpdateBlobs))
  const how = { protocol: 'grpc', address: server.address('grpc'), durationMs: 600_000 } as const
  await load.run(file, { ...how, inFlight: 4, repeat: false })
}

/** How many of the blobs the server says it does not have. */
async function countMissing(
  { folder, load }: EvictionOptions,
  server: RunningSubject,
  blobs: readonly Blob[],
): Promise<number> {
  const digests = blobs.map(({ digest }) => digest)
  const file = writeRequests(join(folder, 'bodies'), inBatches(digests, LOOKED_FOR).map(findMissingBlobs))
  const how = { protocol: 'grpc', address: server.address('grpc'), durationMs: 600_000 } as const
  const { requests, receivedBytes } = await load.run(file, { ...how, inFlight: 4, repeat: false })
  return Math.round((receivedBytes - requests * PREFIX_BYTES) / MISSING_BYTES)
}

/** Some of the blobs that the store was filled with. */
function sampled({ series, seed, blobs }: EvictionOptions): Blob[] {
  return Array.from({ length: 10_000 }, (_, index) => series.blob(Math.floor(randomAt(seed, index, 10) * blobs)))
}
