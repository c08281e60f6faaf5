import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { newBlob, store } from './testing/reapi-support.fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'caskade-moon-'))
let server: RunningServer
let base: string
let client: ReapiClient

beforeAll(async () => {
  const frontends = { bazel: { validatedInstances: ['strict'] } }
  const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, frontends }
  server = await startServer(config, { baseDirectory: directory })
  base = `http://${formatAddress(server.httpAddress)}`
  client = new ReapiClient(formatAddress(server.grpcAddress))
})

afterAll(async () => {
  client[Symbol.dispose]()
  await server.stop()
  rmSync(directory, { recursive: true })
})

const JSON_TYPE = { 'content-type': 'application/json' }

function put(path: string, body: unknown, headers: Record<string, string> = JSON_TYPE): Promise<Response> {
  const content = body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(base + path, { method: 'PUT', body: content as string, headers })
}

function get(path: string, accept = 'application/json'): Promise<Response> {
  return fetch(base + path, { headers: { accept } })
}

describe('results as JSON', () => {
  test('are those of gRPC, whoever stored them', async () => {
    const [output, action] = [newBlob(1000), newBlob(10)]
    const { hash } = action.digest
    await store(client, output)
    const file = {
      path: 'dist/out.txt',
      digest: { hash: output.digest.hash, sizeBytes: '1000' },
      isExecutable: true,
      nodeProperties: { mtime: '2026-01-02T03:04:05.000000006Z', unixMode: 493 },
    }
    const result = { outputFiles: [file], exitCode: 3, executionMetadata: { worker: 'moon' }, unknown: 'field' }

    expect((await put(`/moon-outputs/ac/${hash}`, result)).status).toBe(200)

    const response = await get(`/moon-outputs/ac/${hash}`)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await response.json()).toEqual({ outputFiles: [file], exitCode: 3, executionMetadata: { worker: 'moon' } })
    const request = { instanceName: 'moon-outputs', actionDigest: action.wire }
    expect((await client.getActionResult(request)).outputFiles[0]?.nodeProperties?.unixMode).toBe(493)

    await client.updateActionResult({ ...request, actionResult: { exitCode: 7 } })
    expect(await (await get(`/moon-outputs/ac/${hash}`)).json()).toEqual({ exitCode: 7 })
    expect((await get(`/other/ac/${hash}`)).status).toBe(404)
  })

  test('are found only while all that they name is there', async () => {
    const [output, action] = [newBlob(1000), newBlob(10)]
    const digest = { hash: output.digest.hash, sizeBytes: '1000' }
    await put(`/ac/${action.digest.hash}`, { outputFiles: [{ path: 'x', digest }] })

    expect((await get(`/ac/${action.digest.hash}`)).status).toBe(404)
    await store(client, output)
    expect((await get(`/ac/${action.digest.hash}`)).status).toBe(200)
  })

  test.each([
    ['no JSON', '{'],
    ['no result', '[]'],
    ['a value of another kind', { exitCode: 'x' }],
    ['a digest that is none', { outputFiles: [{ path: 'x', digest: { hash: '../../etc', sizeBytes: '1' } }] }],
    ['a negative size', { stdoutDigest: { hash: 'a'.repeat(64), sizeBytes: '-1' } }],
  ])('that are %s are refused', async (_, body) => {
    const response = await put(`/ac/${newBlob(10).digest.hash}`, body)

    expect([response.status, (await response.text()).length > 10]).toEqual([400, true])
  })

  test('have a name that is a hash', async () => {
    expect((await put('/ac/nope', {})).status).toBe(400)
    expect((await get('/ac/nope')).status).toBe(400)
  })

  test('are apart from what others keep under the same name', async () => {
    const { hash } = newBlob(10).digest
    await put(`/ac/${hash}`, 'opaque', {})

    expect((await get(`/ac/${hash}`)).status).toBe(404)
    expect(await (await get(`/ac/${hash}`, '*/*')).text()).toBe('opaque')
  })
})

describe('where results are validated', () => {
  test('what is none is refused, and what is one is that of gRPC', async () => {
    const action = newBlob(10)
    const path = `/strict/ac/${action.digest.hash}`
    const request = { instanceName: 'strict', actionDigest: action.wire }

    const refused = await put(path, 'not a result of an action', {})
    await client.updateActionResult({ ...request, actionResult: { exitCode: 5 } })
    const read = Buffer.from(await (await get(path, '*/*')).arrayBuffer())
    await put(path, Buffer.from([0x20, 6]), {})

    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('ActionResult')])
    expect(read.equals(Buffer.from([0x20, 5]))).toBe(true)
    expect((await client.getActionResult(request)).exitCode).toBe(6)
    expect((await fetch(base + path, { method: 'DELETE' })).status).toBe(405)
  })

  test('one whose blobs are gone is not found', async () => {
    const [action, output] = [newBlob(10), newBlob(20)]
    const stdout = { hash: output.digest.hash, sizeBytes: '20' }
    await put(`/strict/ac/${action.digest.hash}`, { stdoutDigest: stdout })

    expect((await get(`/strict/ac/${action.digest.hash}`, '*/*')).status).toBe(404)
    await store(client, output)
    expect((await get(`/strict/ac/${action.digest.hash}`, '*/*')).status).toBe(200)
  })
})

test('the server says that it is there', async () => {
  expect((await fetch(`${base}/status`)).status).toBe(200)
})
