import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { eventually } from './testing/eventually.fixture.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { blobOf, newBlob, store } from './testing/reapi-support.fixture.ts'

const directory = mkdtempSync(join(tmpdir(), 'caskade-http-'))
let server: RunningServer
let base: string
let client: ReapiClient

beforeAll(async () => {
  const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, maxBlobBytes: 5_000_000 }
  server = await startServer(config, { baseDirectory: directory })
  base = `http://${formatAddress(server.httpAddress)}`
  client = new ReapiClient(formatAddress(server.grpcAddress))
})

afterAll(async () => {
  client[Symbol.dispose]()
  await server.stop()
  rmSync(directory, { recursive: true })
})

async function put(
  path: string,
  body: Buffer | ReadableStream,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(base + path, { method: 'PUT', body, duplex: 'half', headers })
}

async function get(path: string): Promise<Buffer> {
  const response = await fetch(base + path)
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

describe('cas', () => {
  test.each([0, 1, 1000, 300_000, 5_000_000])('a blob of %i bytes comes back under any prefix', async (size) => {
    const blob = newBlob(size)
    const { hash } = blob.digest

    expect((await put(`/cas/${hash}`, blob.bytes)).status).toBe(200)

    for (const prefix of ['', '/main', '/a/b%20c/d', '//']) {
      expect((await get(`${prefix}/cas/${hash}`)).equals(blob.bytes)).toBe(true)
    }
    const head = await fetch(`${base}/cas/${hash}`, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(size)])
  })

  test('a blob that was stored over gRPC is read over HTTP, and the reverse', async () => {
    const [left, right] = [newBlob(5000), newBlob(5000)]
    await store(client, left)
    await put(`/x/cas/${right.digest.hash}`, right.bytes)

    expect((await get(`/cas/${left.digest.hash}`)).equals(left.bytes)).toBe(true)
    expect((await client.read(`blobs/${right.digest.hash}/5000`)).equals(right.bytes)).toBe(true)
  })

  test('a body of unknown length is stored', async () => {
    const blob = newBlob(700_000)

    const response = await put(
      `/cas/${blob.digest.hash}`,
      ReadableStream.from([blob.bytes.subarray(0, 9), blob.bytes.subarray(9)]),
    )

    expect(response.status).toBe(200)
    expect((await get(`/cas/${blob.digest.hash}`)).equals(blob.bytes)).toBe(true)
  })

  test('content with another hash is refused and not stored, even where the blob is there', async () => {
    const [blob, other] = [newBlob(100), newBlob(100)]

    const refused = await put(`/cas/${blob.digest.hash}`, other.bytes)
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(other.digest.hash)])
    expect((await fetch(`${base}/cas/${blob.digest.hash}`)).status).toBe(404)
    await put(`/cas/${blob.digest.hash}`, blob.bytes)

    expect((await put(`/cas/${blob.digest.hash}`, other.bytes)).status).toBe(400)
    expect((await put(`/cas/${blob.digest.hash}`, blob.bytes)).status).toBe(200)
    expect((await get(`/cas/${blob.digest.hash}`)).equals(blob.bytes)).toBe(true)
  })

  test('what is not stored is 404, the empty blob is always there', async () => {
    expect((await fetch(`${base}/cas/${newBlob(9).digest.hash}`)).status).toBe(404)
    expect((await fetch(`${base}/cas/${newBlob(9).digest.hash}`, { method: 'HEAD' })).status).toBe(404)
    expect(await get(`/cas/${blobOf(Buffer.alloc(0)).digest.hash}`)).toHaveLength(0)
  })

  test.each([
    'x',
    'A'.repeat(64),
    'a'.repeat(63),
    '..%2F..%2Fetc%2Fpasswd'.padEnd(64, '0'),
    `${'a'.repeat(64)}%00`,
    '%zz',
  ])('the hash %s is 400', async (hash) => {
    for (const method of ['GET', 'HEAD', 'PUT']) {
      const response = await fetch(`${base}/cas/${hash}`, { method, ...(method === 'PUT' && { body: 'x' }) })
      expect(response.status).toBe(400)
    }
  })

  test('a path that climbs out of its folder is just a name', async () => {
    const socket = connect(server.httpAddress.port, '127.0.0.1')
    socket.write('GET /../../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')

    expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 /)
  })

  test('a body above the limit is 413, before it is sent where its length is known', async () => {
    const { hash } = newBlob(1).digest
    const known = await rawPut(`/cas/${hash}`, { 'content-length': '5000001', expect: '100-continue' })
    const unknown = await put(`/cas/${hash}`, ReadableStream.from([Buffer.alloc(3_000_000), Buffer.alloc(3_000_000)]))

    expect(known.statusCode).toBe(413)
    expect(known.headers.connection).toBe('close')
    expect(unknown.status).toBe(413)
  })

  test('a client that waits for 100-continue is told to go on', async () => {
    const blob = newBlob(100)

    const { statusCode } = await rawPut(`/cas/${blob.digest.hash}`, { expect: '100-continue' }, blob.bytes)

    expect(statusCode).toBe(200)
  })

  test('other methods are 405', async () => {
    const response = await fetch(`${base}/cas/${newBlob(1).digest.hash}`, { method: 'DELETE' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, PUT'])
  })

  test('a client that disappears half-way leaves nothing', async () => {
    const blob = newBlob(4_000_000)
    const socket = connect(server.httpAddress.port, '127.0.0.1')
    socket.write(`PUT /cas/${blob.digest.hash} HTTP/1.1\r\nhost: x\r\ncontent-length: 4000000\r\n\r\n`)
    socket.write(blob.bytes.subarray(0, 3_000_000))
    await eventually(() => expect(uploads()).toHaveLength(1))

    socket.destroy()

    await eventually(() => expect(uploads()).toEqual([]))
    expect((await fetch(`${base}/cas/${blob.digest.hash}`)).status).toBe(404)
  })
})

describe('ac', () => {
  test.each([0, 100, 65_536, 65_537, 3_000_000])(
    'an entry of %i bytes is kept as it is, and overwritten',
    async (size) => {
      const { hash } = newBlob(10).digest
      for (const content of [newBlob(size).bytes, newBlob(size + 1).bytes]) {
        expect((await put(`/ac/${hash}`, content)).status).toBe(200)
        expect((await get(`/ac/${hash}`)).equals(content)).toBe(true)
      }
    },
  )

  test('prefixes keep entries apart, from each other and from those of gRPC', async () => {
    const action = newBlob(10)
    const { hash } = action.digest
    await put(`/ac/${hash}`, Buffer.from('none'))
    await put(`/main/ac/${hash}`, Buffer.from('main'))
    await client.updateActionResult({ instanceName: 'grpc', actionDigest: action.wire, actionResult: { exitCode: 1 } })

    expect(String(await get(`/ac/${hash}`))).toBe('none')
    expect(String(await get(`/main/ac/${hash}`))).toBe('main')
    expect((await fetch(`${base}/grpc/ac/${hash}`)).status).toBe(404)
    await expect(client.getActionResult({ instanceName: 'main', actionDigest: action.wire })).rejects.toMatchObject({
      code: 5,
    })
  })

  test('what is not stored is 404, a malformed hash 400', async () => {
    expect((await fetch(`${base}/ac/${newBlob(10).digest.hash}`)).status).toBe(404)
    expect((await fetch(`${base}/ac/nope`)).status).toBe(400)
  })
})

describe('the server', () => {
  test('says that it is well, and what it does not serve', async () => {
    expect(String(await get('/healthz'))).toBe('ok\n')
    const response = await fetch(`${base}/nothing/here`)
    expect([response.status, await response.text()]).toEqual([404, 'nothing is served at /nothing/here\n'])
  })

  test('keeps a connection for the next request, after errors too', async () => {
    const { hash } = newBlob(10).digest
    const socket = connect(server.httpAddress.port, '127.0.0.1')
    socket.write(`GET /cas/${hash} HTTP/1.1\r\nhost: x\r\n\r\n`)
    socket.write(`PUT /cas/${hash} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc`)
    socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')

    const answers = (await text(socket)).match(/HTTP\/1\.1 \d+/g)

    expect(answers).toEqual(['HTTP/1.1 404', 'HTTP/1.1 400', 'HTTP/1.1 200'])
  })
})

function uploads(): string[] {
  return readdirSync(join(directory, 'caskade-uploads'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.upload'),
  )
}

function rawPut(path: string, headers: Record<string, string>, body?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(base + path, { method: 'PUT', headers }, (response) => resolve(response.resume()))
    outgoing.on('error', reject)
    // Only a client that is told to go on sends its body.
    outgoing.on('continue', () => outgoing.end(body))
    outgoing.flushHeaders()
  })
}
