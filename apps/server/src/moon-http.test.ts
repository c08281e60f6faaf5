import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { failing } from '@caskade/conformance'
import { StorageError } from '@caskade/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { faultyBackend, startHttpFrontends } from './testing/http-frontends.fixture.ts'
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

  test('have no metadata of types that nobody here knows, which they may have over gRPC', async () => {
    const action = newBlob(10)
    const path = `/moon-outputs/ac/${action.digest.hash}`
    const request = { instanceName: 'moon-outputs', actionDigest: action.wire }
    const auxiliaryMetadata = [{ typeUrl: 'type.googleapis.com/some.Type', value: Buffer.of(8, 1) }]
    await client.updateActionResult({
      ...request,
      actionResult: { exitCode: 2, executionMetadata: { worker: 'w', auxiliaryMetadata } },
    })

    expect(await (await get(path)).json()).toEqual({ exitCode: 2, executionMetadata: { worker: 'w' } })
    expect((await client.getActionResult(request)).executionMetadata?.auxiliaryMetadata).toHaveLength(1)

    const executionMetadata = { worker: 'v', auxiliaryMetadata: [{ '@type': 'type.googleapis.com/some.Type', x: 1 }] }
    expect((await put(path, { exitCode: 3, executionMetadata })).status).toBe(200)
    expect(await (await get(path)).json()).toEqual({ exitCode: 3, executionMetadata: { worker: 'v' } })
  })

  test('have content in them that is stored as a blob, if it is what they say', async () => {
    const [action, output, other] = [newBlob(10), newBlob(100), newBlob(100)]
    const path = `/ac/${action.digest.hash}`
    const digest = { hash: output.digest.hash, sizeBytes: '100' }
    const resultWith = (contents: Buffer): unknown => ({
      outputFiles: [{ path: 'x', digest, contents: contents.toString('base64') }],
    })

    expect((await put(path, resultWith(other.bytes))).status).toBe(400)
    expect((await fetch(`${base}/cas/${output.digest.hash}`)).status).toBe(404)
    expect((await put(path, resultWith(output.bytes))).status).toBe(200)
    expect((await fetch(`${base}/cas/${output.digest.hash}`)).status).toBe(200)
  })

  test.each([
    ['no-space', 507],
    ['unavailable', 503],
  ] as const)('tell why the content in them was not stored: %s', async (code, status) => {
    const backend = faultyBackend()
    await using frontends = await startHttpFrontends({ backend })
    backend.setPlan(failing(new StorageError(code, 'for a reason')))

    const content = { stdoutRaw: Buffer.from('x').toString('base64') }
    const response = await frontends.put(`/ac/${newBlob(10).digest.hash}`, JSON.stringify(content), JSON_TYPE)

    expect([response.status, await response.text()]).toEqual([status, expect.stringContaining('for a reason')])
  })

  test('are refused when they have more values than can be read in good time', async () => {
    const path = `/ac/${newBlob(10).digest.hash}`
    const refused = await put(path, `{"outputFiles":[${'{},'.repeat(400_000)}{}]}`)

    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('400000 values')])
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

  test('one with more fields than can be read in good time is refused', async () => {
    // Output files without anything in them.
    const dense = Buffer.alloc(800_004, Buffer.from([0x12, 0]))
    const refused = await put(`/strict/ac/${newBlob(10).digest.hash}`, dense, {})

    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('400000 fields')])
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
