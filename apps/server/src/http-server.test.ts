import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpFrontend } from './frontends/http-frontend.ts'
import { HttpServer } from './http/http-server.ts'
import { eventually } from './testing/eventually.fixture.ts'
import type { HttpFrontendsOptions, RunningHttpFrontends } from './testing/http-frontends.fixture.ts'
import { faultyBackend, startHttpFrontends } from './testing/http-frontends.fixture.ts'
import { newBlob } from './testing/reapi-support.fixture.ts'

let frontends: RunningHttpFrontends

afterEach(() => frontends.close())

async function start(options?: HttpFrontendsOptions): Promise<void> {
  frontends = await startHttpFrontends(options)
}

function open(): Socket {
  const { port } = new URL(frontends.url)
  // Where it matters that a connection broke, its 'close' tells.
  return connect(Number(port), '127.0.0.1').on('error', () => undefined)
}

/** Sends requests over one connection without waiting for answers; the last of them ends it. */
async function pipeline(...requests: string[]): Promise<string> {
  const socket = open()
  socket.write(requests.join(''))
  return text(socket)
}

function request(line: string, headers: Record<string, string | number> = {}, body = ''): string {
  const lines = Object.entries({ host: 'x', ...headers }).map(([name, value]) => `${name}: ${value}`)
  return `${[`${line} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${body}`
}

function put(path: string, body: string, headers: Record<string, string | number> = {}): string {
  return request(`PUT ${path}`, { 'content-length': body.length, ...headers }, body)
}

const END = { connection: 'close' }

function statusesOf(answers: string): string[] {
  return [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status = '']) => status)
}

describe('the requests of a connection', () => {
  test('are answered one after the other', async () => {
    await start()
    const answers = await pipeline(
      put('/gradle/a', 'x'.repeat(2_000_000)),
      put('/gradle/a', 'last'),
      request('GET /gradle/a'),
      request('GET /gradle/b'),
      put('/gradle/b', 'b'),
      request('GET /gradle/b', END),
    )

    expect(statusesOf(answers)).toEqual(['201', '200', '200', '404', '201', '200'])
    expect(answers).toContain('\r\n\r\nlastHTTP/1.1 404')
  })

  test('take no more than one of them does, when their client does not read', async () => {
    const backend = faultyBackend()
    await start({ backend })
    const blob = newBlob(5_000_000)
    await frontends.put('/gradle/large', blob.bytes)
    let reads = 0
    backend.setPlan({ before: ({ method }) => (reads += method === 'getBlob' ? 1 : 0) })
    const socket = open()
    socket.write(request('GET /gradle/large').repeat(50))
    await eventually(() => expect(reads).toBe(1))

    // Whatever was begun besides would have come to the store by now.
    expect((await frontends.get('/gradle/large')).equals(blob.bytes)).toBe(true)
    expect(reads).toBe(2)
    socket.destroy()
  })

  test('end it when there are too many of them', async () => {
    await start()
    await frontends.put('/gradle/large', newBlob(5_000_000).bytes)
    const socket = open()
    const closed = new Promise((resolve) => {
      socket.on('close', resolve)
    })

    socket.write(request('GET /gradle/large').repeat(1000))
    socket.resume()

    await closed
    expect((await frontends.fetch('/gradle/large')).status).toBe(200)
  })

  test('that wait are forgotten when their client goes', async () => {
    const backend = faultyBackend()
    await start({ backend })
    await frontends.put('/gradle/large', newBlob(5_000_000).bytes)
    let reads = 0
    let writes = 0
    backend.setPlan({
      before({ method }) {
        reads += method === 'getBlob' ? 1 : 0
        writes += method === 'update' ? 1 : 0
      },
    })
    const socket = open()
    socket.write(request('GET /gradle/large') + put('/gradle/b', 'b'))
    await eventually(() => expect(reads).toBe(1))
    socket.resetAndDestroy()

    await frontends.close()
    expect(writes).toBe(0)
  })
})

describe('a client that does not get on', () => {
  test.each(['', 'GET /gradle/a HT', 'GET /gradle/a HTTP/1.1\r\nhost: x\r\n'])(
    'with the head of a request is let go: %j',
    async (part) => {
      await start({ headersTimeoutMs: 50 })
      const socket = open()

      socket.write(part)

      expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 |^$/)
    },
  )

  test('with bodies that are read into memory takes none of it', async () => {
    await start()
    const sockets = Array.from({ length: 30 }, () => open())
    for (const [index, socket] of sockets.entries()) {
      const headers = { 'content-type': 'application/json', 'content-length': 4_000_000 }
      socket.write(request(`PUT /ac/${String(index).padStart(64, '0')}`, headers, 'x'.repeat(2_000_000)))
    }
    await eventually(() => expect(frontends.uploads()).toHaveLength(30))

    const path = `/ac/${'a'.repeat(64)}`
    const stored = await frontends.put(path, '{"exitCode":1}', { 'content-type': 'application/json' })

    expect(stored.status).toBe(200)
    for (const socket of sockets) socket.destroy()
    await eventually(() => expect(frontends.uploads()).toEqual([]))
  })
})

describe('what no build tool sends is refused', () => {
  test.each([
    ['a page of someone else', 'PUT', { origin: 'https://evil.example' }, 403],
    ['a page of someone else that asks first', 'OPTIONS', { origin: 'https://evil.example' }, 403],
    ['a page of nobody', 'GET', { origin: 'null' }, 403],
    ['a part of something', 'PUT', { 'content-range': 'bytes 0-3/10' }, 400],
    ['content that is not as it says', 'PUT', { 'content-encoding': 'gzip' }, 415],
    ['a body that nobody can read', 'PUT', { 'transfer-encoding': 'gzip, chunked' }, 501],
  ] as const)('%s', async (_, method, headers, status) => {
    await start()
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': 1 }
    const body = 'transfer-encoding' in headers ? '1\r\nx\r\n0\r\n\r\n' : 'x'

    for (const path of ['/v8/artifacts/a?slug=team', '/gradle/a', '/nothing']) {
      const answer = await pipeline(request(`${method} ${path}`, { ...headers, ...length, ...END }, body))
      expect(statusesOf(answer)).toEqual([String(status)])
      expect(answer).not.toMatch(/access-control/i)
    }

    expect(await Array.fromAsync(frontends.backend.actionCache.list(''))).toEqual([])
  })

  test('while what means nothing is taken for that', async () => {
    await start()

    const headers = { 'content-encoding': 'Identity', ...END }
    expect(statusesOf(await pipeline(put('/gradle/a', 'x', headers)))).toEqual(['201'])
  })
})

describe('lengths', () => {
  test('that no number can hold are too long', async () => {
    await start()
    for (const path of ['/gradle/a', `/cas/${'a'.repeat(64)}`, `/ac/${'a'.repeat(64)}`]) {
      const headers = { 'content-length': '9007199254740993', expect: '100-continue' }
      expect(statusesOf(await pipeline(request(`PUT ${path}`, headers)))).toEqual(['413'])
    }
  })

  test('are not told of answers that cannot have a body', async () => {
    await start()
    await frontends.put('/webdav/a', 'x')
    const etag = (await frontends.fetch('/webdav/a')).headers.get('etag') ?? ''

    const answers = [
      await pipeline(request('GET /webdav/a', { 'if-none-match': etag, ...END })),
      await pipeline(request('DELETE /webdav/a', END)),
    ]

    expect(answers.flatMap(statusesOf)).toEqual(['304', '204'])
    for (const answer of answers) expect(answer).not.toMatch(/content-length/i)
  })
})

test('a request in the form for proxies is about its path', async () => {
  await start()
  await frontends.put('/gradle/a', 'content')

  for (const target of [`${frontends.url}/gradle/a`, 'HTTP://other.example/gradle/a']) {
    expect(await pipeline(request(`GET ${target}`, END))).toMatch(/^HTTP\/1\.1 200 [^]*content$/)
  }
})

test('a frontend that fails to say what a request asks, or to tell of a failure, costs that request alone', async () => {
  await start()
  const failures: unknown[] = []
  const fail = (): never => {
    throw new Error('a defect')
  }
  const answers: Record<string, HttpFrontend['route']> = {
    '/route': fail,
    '/tell': () => ({ instanceName: '', access: 'read', answer: fail }),
    '/well': (exchange) => ({
      instanceName: '',
      access: 'read',
      answer: async () => exchange.sendText({ status: 200 }, 'well'),
    }),
  }
  const frontend: HttpFrontend = {
    name: 'defective',
    route: (exchange) => answers[exchange.path]?.(exchange),
    sendFailure: fail,
  }
  const server = new HttpServer([frontend], { maxConnections: 10, onFailure: (_, error) => failures.push(error) })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)

  expect((await get('/route')).status).toBe(500)
  await expect(get('/tell')).rejects.toThrow('fetch failed')
  expect((await get('/well')).status).toBe(200)

  expect(failures).toHaveLength(3)
  await server.close(1)
})
