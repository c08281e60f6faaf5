import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { FrontendConfigs } from './config/server-config.ts'
import { startServer } from './index.ts'
import type { ServerStatus } from './statistics/server-status.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { assertStatus, newBlob, writeNameOf } from './testing/reapi-support.fixture.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-frontends-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

/** Runs a server with these frontends, and a client for each of its protocols. */
async function withServer(
  frontends: FrontendConfigs | undefined,
  run: (client: ReapiClient, base: string) => Promise<void>,
): Promise<void> {
  const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, frontends }
  await using server = await startServer(config, { baseDirectory: directory })
  using client = new ReapiClient(formatAddress(server.grpcAddress))
  await run(client, `http://${formatAddress(server.httpAddress)}`)
}

async function statusOf(base: string): Promise<ServerStatus> {
  return (await (await fetch(`${base}/status`)).json()) as ServerStatus
}

describe('the Remote Execution API', () => {
  test('is not served where it is switched off, but that the server is well is told', async () => {
    await withServer({ reapi: { enabled: false } }, async (client) => {
      expect((await client.checkHealth({ service: '' })).status).toBe(1)
      await assertStatus(client.getCapabilities({}), 'UNIMPLEMENTED', 'GetCapabilities')
    })
  })

  test('serves its instance alone, and never takes another one for a miss', async () => {
    await withServer({ reapi: { instance: 'ours' } }, async (client) => {
      const [action, blob] = [newBlob(10), newBlob(100)]
      const ours = { instanceName: 'ours', actionDigest: action.wire }
      expect((await client.getCapabilities({ instanceName: 'ours' })).cacheCapabilities).toBeDefined()
      await client.updateActionResult({ ...ours, actionResult: { exitCode: 4 } })
      expect((await client.getActionResult(ours)).exitCode).toBe(4)
      await client.upload(`ours/${writeNameOf(blob)}`, blob.bytes, 1000)

      for (const instanceName of ['', 'theirs']) {
        const theirs = { instanceName, actionDigest: action.wire }
        await assertStatus(client.getCapabilities({ instanceName }), 'INVALID_ARGUMENT', 'GetCapabilities')
        await assertStatus(client.getActionResult(theirs), 'INVALID_ARGUMENT', 'GetActionResult')
        await assertStatus(
          client.updateActionResult({ ...theirs, actionResult: {} }),
          'INVALID_ARGUMENT',
          'UpdateActionResult',
        )
        await assertStatus(
          client.findMissingBlobs({ instanceName, blobDigests: [blob.wire] }),
          'INVALID_ARGUMENT',
          'FindMissingBlobs',
        )
        await assertStatus(
          client.batchReadBlobs({ instanceName, digests: [blob.wire] }),
          'INVALID_ARGUMENT',
          'BatchReadBlobs',
        )
        await assertStatus(client.batchUpdateBlobs({ instanceName }), 'INVALID_ARGUMENT', 'BatchUpdateBlobs')
      }
      await assertStatus(client.read(`blobs/${blob.digest.hash}/100`), 'INVALID_ARGUMENT', 'Read')
      expect((await client.read(`ours/blobs/${blob.digest.hash}/100`)).equals(blob.bytes)).toBe(true)
    })
  })
})

describe('/status', () => {
  test('says what there is to say of a server that has done nothing', async () => {
    await withServer(undefined, async (_, base) => {
      const { version, startedAt, uptimeSeconds, store, tools } = await statusOf(base)

      expect(version).toMatch(/^\d+\.\d+\.\d+/)
      expect(Date.parse(startedAt)).toBeLessThanOrEqual(Date.now())
      expect(uptimeSeconds).toBeGreaterThanOrEqual(0)
      const nothing = { count: 0, bytes: 0 }
      expect(store).toEqual({ offered: nothing, deduplicated: nothing, dedupRate: null, sent: nothing })
      expect(tools).toEqual({})
      expect((await fetch(`${base}/status`, { method: 'POST' })).status).toBe(405)
    })
  })

  test('counts what tools do over gRPC and over HTTP', async () => {
    await withServer(undefined, async (client, base) => {
      const [action, blob, other] = [newBlob(10), newBlob(100), newBlob(51)]
      const put = (body: Uint8Array): Promise<Response> =>
        fetch(`${base}/cas/${blob.digest.hash}`, {
          method: 'PUT',
          body: Buffer.from(body),
          headers: { 'user-agent': 'bazel/8.0.0' },
        })
      await client.upload(writeNameOf(blob), blob.bytes, 1000)
      await client.upload(writeNameOf(blob), blob.bytes, 1000)
      await client.batchUpdateBlobs({ requests: [{ digest: other.wire, data: other.bytes }] })
      await client.findMissingBlobs({ blobDigests: [blob.wire, other.wire, newBlob(7).wire] })
      await client.read(`blobs/${blob.digest.hash}/100`)
      await client.batchReadBlobs({ digests: [other.wire] })
      await client.getActionResult({ actionDigest: action.wire }).catch(() => undefined)
      await client.updateActionResult({ actionDigest: action.wire, actionResult: { exitCode: 1 } })
      await client.getActionResult({ actionDigest: action.wire })
      await client.getActionResult({ actionDigest: action.wire })
      await put(blob.bytes)

      const { store, tools } = await statusOf(base)

      expect(tools['bazel']).toMatchObject({
        hitRate: null,
        offered: { count: 1, bytes: 100 },
        deduplicated: { count: 1, bytes: 100 },
      })
      expect(tools['other']).toEqual({
        hits: 2,
        misses: 1,
        hitRate: 0.6667,
        sent: { count: 2, bytes: 151 },
        offered: { count: 5, bytes: 402 },
        deduplicated: { count: 3, bytes: 251 },
      })
      expect(store).toEqual({
        offered: { count: 6, bytes: 502 },
        deduplicated: { count: 4, bytes: 351 },
        dedupRate: 0.6992,
        sent: { count: 2, bytes: 151 },
      })
    })
  })
})
