import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { ServerStatus } from '../src/statistics/server-status.ts'
import { isAlive } from '../src/testing/is-alive.fixture.ts'
import { ReapiClient } from '../src/testing/reapi-client.fixture.ts'
import type { WireBlob } from '../src/testing/reapi-support.fixture.ts'
import { blobOf } from '../src/testing/reapi-support.fixture.ts'
import { randomBytes } from 'node:crypto'
import type { Acknowledged } from './support/acknowledged.ts'
import { grpcUpload, httpUpload, uploadUntilRefused, verify } from './support/acknowledged.ts'
import { times } from './support/effort.ts'
import { temporaryFolder } from './support/folders.ts'
import { createRandom } from './support/random.ts'
import type { ServerProcess } from './support/server-process.ts'
import { startServerProcess } from './support/server-process.ts'

const ROUNDS = times(8, 40)
const UPLOADERS = 8

describe('SIGKILL of one worker in the middle of uploads', () => {
  test(`${ROUNDS} rounds lose nothing that was acknowledged by any, and each is replaced`, async () => {
    using folder = temporaryFolder('workers')
    const random = createRandom('workers')
    const acknowledged: Acknowledged = { blobs: [], actions: [] }
    const attempted: WireBlob[] = []
    await using server = await startServerProcess(folder.path, ['--workers', '2'])

    for (let round = 0; round < ROUNDS; round++) {
      const enough = Promise.withResolvers<void>()
      const over = new AbortController()
      let countdown = 10 + Math.floor(random() * 60)
      const uploading = Array.from({ length: UPLOADERS }, (_, index) =>
        uploadUntil(over.signal, server, index, acknowledged, attempted, random, () => {
          countdown -= 1
          if (countdown === 0) enough.resolve()
        }),
      )
      await enough.promise
      const pids = workersOf(server)
      process.kill(pids[Math.floor(random() * pids.length)] ?? 0, 'SIGKILL')
      // What the others have under way goes on.
      over.abort()
      await Promise.all(uploading)
      await running(server, 2)
      // Two connections, which most often reach both.
      for (let connection = 0; connection < 2; connection++) {
        using client = new ReapiClient(server.grpc)
        await verify(client, acknowledged, attempted)
      }
    }

    expect(await statusOf(server)).toMatchObject({ workers: { running: 2, replaced: ROUNDS } })
    expect(acknowledged.blobs.length).toBeGreaterThan(ROUNDS * 10)
  })

  test('workers whose supervisor is killed end by themselves', async () => {
    using folder = temporaryFolder('workers')
    const server = await startServerProcess(folder.path, ['--workers', '2'])
    const pids = workersOf(server)

    await server.kill()
    while (pids.some(isAlive)) await pause(20)

    await using again = await startServerProcess(folder.path, ['--workers', '2'])
    expect(pids).toHaveLength(2)
    expect((await fetch(`${again.http}/healthz`)).status).toBe(200)
  })
})

/** Uploads, over a new connection after each refusal, until it is over. */
async function uploadUntil(
  over: AbortSignal,
  server: ServerProcess,
  index: number,
  acknowledged: Acknowledged,
  attempted: WireBlob[],
  random: () => number,
  onAcknowledged: () => void,
): Promise<void> {
  while (!over.aborted) {
    using client = new ReapiClient(server.grpc)
    const note = async (blob: WireBlob): Promise<void> => {
      acknowledged.blobs.push(blob)
      const action = blobOf(randomBytes(20))
      await client.updateActionResult({ actionDigest: action.wire, actionResult: { stdoutDigest: blob.wire } })
      acknowledged.actions.push({ action, output: blob })
      onAcknowledged()
      over.throwIfAborted()
    }
    await uploadUntilRefused(index % 2 === 0 ? grpcUpload(client) : httpUpload(server.http), note, attempted, random)
  }
}

/** The children of a process (proc(5), `/proc/pid/task/tid/children`). */
function workersOf({ pid }: ServerProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
}

async function statusOf({ http }: ServerProcess): Promise<ServerStatus> {
  const response = await fetch(`${http}/status`, { headers: { connection: 'close' } })
  return (await response.json()) as ServerStatus
}

/** Waits until so many workers take connections. */
async function running(server: ServerProcess, count: number): Promise<void> {
  for (;;) {
    const status = await statusOf(server).catch(() => undefined)
    if (status?.workers.running === count) return
    await pause(50)
  }
}
