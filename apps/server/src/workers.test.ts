import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Mock } from 'vitest'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import { ConfigError } from './config/config-error.ts'
import { countWorkers, parseWorkers } from './config/worker-count.ts'
import type { Log, RunningServer, ServerConfig } from './index.ts'
import { startServer } from './index.ts'
import type { ServerStatus } from './statistics/server-status.ts'
import { Statistics, sumReports } from './statistics/statistics.ts'
import { eventually } from './testing/eventually.fixture.ts'
import { isAlive } from './testing/is-alive.fixture.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { newBlob, store } from './testing/reapi-support.fixture.ts'
import { Restarts } from './workers/restarts.ts'

let directory: string
let server: RunningServer | undefined
let log: { readonly info: Mock<Log['info']>; readonly warn: Mock<Log['warn']>; readonly error: Mock<Log['error']> }

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-workers-'))
  log = { info: vi.fn<Log['info']>(), warn: vi.fn<Log['warn']>(), error: vi.fn<Log['error']>() }
})

afterEach(async () => {
  await server?.stop()
  server = undefined
  rmSync(directory, { recursive: true })
})

async function start(config: ServerConfig = {}): Promise<RunningServer> {
  const addresses = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory }
  server = await startServer({ ...addresses, workers: 2, ...config }, { baseDirectory: directory, log })
  return server
}

/** Asks over a connection of its own, which the system gives to whichever worker it likes. */
function ask(method: string, path: string, body?: Uint8Array): Promise<{ status: number; bytes: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; bytes: Buffer }>()
  const url = `http://${formatAddress((server as RunningServer).httpAddress)}${path}`
  const asking = request(url, { method, agent: false }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => resolve({ status: response.statusCode ?? 0, bytes: Buffer.concat(chunks) }))
  })
  asking.on('error', reject)
  asking.end(body)
  return promise
}

async function status(): Promise<ServerStatus> {
  return JSON.parse((await ask('GET', '/status')).bytes.toString()) as ServerStatus
}

/** The processes of the workers that have served so far. */
function pids(): number[] {
  return log.info.mock.calls.map(([fields]) => (fields as { readonly pid: number }).pid)
}

describe('a server of several workers', () => {
  test('serves one store, whichever of them a connection reaches, and adds up what they do', async () => {
    await start()
    const blobs = Array.from({ length: 24 }, () => newBlob(1000))

    for (const { digest, bytes } of blobs) {
      expect((await ask('PUT', `/cas/${digest.hash}`, bytes)).status).toBe(200)
    }
    for (const { digest, bytes } of blobs) {
      const answer = await ask('GET', `/cas/${digest.hash}`)
      expect(answer.bytes.equals(bytes)).toBe(true)
    }
    using client = new ReapiClient(formatAddress((server as RunningServer).grpcAddress))
    const { missingBlobDigests } = await client.findMissingBlobs({ blobDigests: blobs.map(({ wire }) => wire) })

    expect(missingBlobDigests).toEqual([])
    const { store: totals, workers } = await status()
    expect(totals.sent).toEqual({ count: 24, bytes: 24_000 })
    // Uploaded once, and found to be there once.
    expect(totals.offered).toEqual({ count: 48, bytes: 48_000 })
    expect(workers).toEqual({ running: 2, replaced: 0 })
  })

  test('replaces a worker that is killed; nothing that was acknowledged is lost, nor what it has counted', async () => {
    await start()
    const kept = newBlob(100_000)
    await ask('PUT', `/cas/${kept.digest.hash}`, kept.bytes)
    // Every worker is asked, and so known to have told what it has done.
    await status()

    const [first, second] = pids()
    process.kill(first as number, 'SIGKILL')
    await eventually(() => expect(pids()).toHaveLength(3))
    process.kill(second as number, 'SIGKILL')
    await eventually(() => expect(pids()).toHaveLength(4))

    expect((await ask('GET', `/cas/${kept.digest.hash}`)).bytes.equals(kept.bytes)).toBe(true)
    const { store: totals, workers } = await status()
    expect(totals.offered).toEqual({ count: 1, bytes: 100_000 })
    expect(workers).toEqual({ running: 2, replaced: 2 })
    const metrics = (await ask('GET', '/metrics')).bytes.toString().split('\n')
    expect(metrics).toContain('caskade_workers_replaced_total 2')
    expect(metrics).toContain(
      'caskade_request_duration_seconds_count{protocol="http",service="bazel",method="PUT",code="200"} 1',
    )
    expect(log.error).toHaveBeenCalledWith(
      { worker: 0, pid: first, exitCode: null, signal: 'SIGKILL', waitMs: 0 },
      'a worker has ended; another takes its place',
    )
  })

  test('stops all of them, and leaves nothing behind', async () => {
    const running = await start()
    using client = new ReapiClient(formatAddress(running.grpcAddress))
    await store(client, newBlob(10))

    await Promise.all([running.stop(), running.stop()])

    expect(pids().map(isAlive)).toEqual([false, false])
    expect(readdirSync(join(directory, 'caskade-uploads'))).toEqual([])
    expect(readdirSync(join(directory, 'store', 'owners'))).toEqual([])
    expect(log.error).not.toHaveBeenCalled()
    await expect(client.getCapabilities({})).rejects.toMatchObject({ code: 14 })
  })

  test('is none when another server has its port, one of workers too', async () => {
    const { httpAddress } = await start()
    const httpListen = formatAddress(httpAddress)

    for (const workers of [1, 2]) {
      const starting = startServer({ listen: '127.0.0.1:0', httpListen, data: directory, workers }, { log })
      await expect(starting).rejects.toMatchObject({ code: 'EADDRINUSE' })
    }
  })

  test('fails as one process does when its backend cannot start, and leaves no process', async () => {
    const backend = { type: 'sqlite', path: '/dev/null/store' }

    await expect(start({ backend })).rejects.toThrow(/\/dev\/null\/store/)

    expect(log.info).not.toHaveBeenCalled()
  })

  test.each([
    [{ type: 'memory' }, 'backend: cannot be shared by 2 workers: what it holds is in the memory of one process'],
    [
      { type: 'sharded', shards: { a: { type: 'sqlite', path: 'a' }, b: { type: 'memory' } } },
      'backend.shards.b: cannot be shared by 2 workers',
    ],
    [
      {
        type: 'with-cache',
        cache: { type: 'memory' },
        fallback: { type: 'sqlite', path: 'a' },
        deferFallbackWrites: true,
        journalDirectory: 'journal',
      },
      'a deferred write can be read only by the process that accepted it; set workers: 1',
    ],
  ])('cannot have the backend %j', async (backend, message) => {
    const starting = start({ backend })

    await expect(starting).rejects.toThrow(ConfigError)
    await expect(starting).rejects.toThrow(message)
  })
})

describe('how many workers', () => {
  test('is a number from 1, or one for each core where connections are spread', () => {
    const machine = { platform: 'linux', cores: 6 } as const
    expect(countWorkers(parseWorkers('3', 'workers'), machine)).toBe(3)
    expect(countWorkers(parseWorkers('auto', 'workers'), machine)).toBe(6)
    expect(countWorkers(undefined, machine)).toBe(1)
    expect(countWorkers('auto', { platform: 'darwin', cores: 6 })).toBe(1)
    expect(countWorkers(1, { platform: 'win32', cores: 6 })).toBe(1)
    expect(() => countWorkers(2, { platform: 'darwin', cores: 6 })).toThrow(/cannot share a port on darwin/)
  })

  test.each(['0', '-1', '1.5', 'many', '', '257', ' 2'])('cannot be %j', (text) => {
    expect(() => parseWorkers(text, '--workers')).toThrow(
      `--workers: ${JSON.stringify(text)} is not a whole number from 1 to 256, or auto`,
    )
  })
})

test('reports of workers are added, tool by tool', () => {
  const [first, second] = [new Statistics(), new Statistics()]
  first.of('bazel').noteLookup(true)
  first.of('bazel').noteOffered(10, true)
  second.of('bazel').noteLookup(false)
  second.of('bazel').noteOffered(5, false, 2)
  second.of('nx').noteSent(7)

  const none = { count: 0, bytes: 0 }
  expect(sumReports([first.report(), {}, second.report()])).toEqual({
    bazel: {
      hits: 1,
      misses: 1,
      hitRate: 0.5,
      sent: none,
      offered: { count: 3, bytes: 15 },
      deduplicated: { count: 1, bytes: 10 },
    },
    nx: { hits: 0, misses: 0, hitRate: null, sent: { count: 1, bytes: 7 }, offered: none, deduplicated: none },
  })
})

test('a worker is replaced at once, unless it keeps ending early', () => {
  const restarts = new Restarts()
  const waits = [5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 60_000, 5, 5].map((ranMs) => restarts.nextWaitMs(ranMs))

  expect(waits).toEqual([0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 0, 0, 100])
})
