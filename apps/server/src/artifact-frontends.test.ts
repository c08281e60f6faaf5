import { request } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { failing } from '@caskade/conformance'
import { digestOf } from '@caskade/core'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpFrontendConfigs } from './frontends/create-frontends.ts'
import { eventually } from './testing/eventually.fixture.ts'
import type { HttpFrontendsOptions, RunningHttpFrontends } from './testing/http-frontends.fixture.ts'
import { faultyBackend, putAfterContinue, startHttpFrontends } from './testing/http-frontends.fixture.ts'
import { newBlob } from './testing/reapi-support.fixture.ts'

/** A tool that keeps artifacts under keys of its own, by the path of one of them; `n` makes another. */
interface Tool {
  readonly name: keyof HttpFrontendConfigs
  readonly path: (n: number) => string
  readonly created: number
  /** What the tool is told when the store cannot be read, and when it cannot be written. */
  readonly failed?: readonly [read: number, write: number]
}

const tools: readonly Tool[] = [
  { name: 'turborepo', path: (n) => `/v8/artifacts/${n}?slug=t`, created: 202 },
  { name: 'nx', path: (n) => `/v1/cache/${n}`, created: 200, failed: [404, 403] },
  { name: 'gradle', path: (n) => `/gradle/${n}`, created: 201, failed: [500, 500] },
  {
    name: 'gradle',
    path: (n) => `/gradle/v1.1/org.group/artifact/${n}/buildinfo.xml`,
    created: 201,
    failed: [500, 500],
  },
  { name: 'ccache', path: (n) => `/ccache/${String(n).padStart(33, '0')}`, created: 201 },
  { name: 'webdav', path: (n) => `/webdav/prefix/a/b/c/${n}`, created: 201 },
  { name: 'bazel', path: (n) => `/ac/${String(n).padStart(64, '0')}`, created: 200 },
]

let frontends: RunningHttpFrontends

afterEach(() => frontends.close())

async function start(options?: HttpFrontendsOptions): Promise<void> {
  frontends = await startHttpFrontends(options)
}

describe.each(tools.map((tool) => ({ ...tool, at: tool.path(1) })))(
  '$name, at $at',
  ({ name, path, created, failed = [503, 503] }) => {
    test.each([0, 1, 65_536, 65_537, 3_000_000])('an artifact of %i bytes comes back', async (size) => {
      await start()
      const { bytes } = newBlob(size)

      expect((await frontends.put(path(1), bytes)).status).toBe(created)

      expect((await frontends.get(path(1))).equals(bytes)).toBe(true)
      const head = await frontends.fetch(path(1), { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length')]).toEqual([200, String(size)])
      expect(await head.text()).toBe('')
      expect((await frontends.fetch(path(2), { method: 'HEAD' })).status).toBe(404)
      expect((await frontends.fetch(path(2))).status).toBe(404)
    })

    test('a body of unknown length is stored', async () => {
      await start()
      const { bytes } = newBlob(2_000_000)

      const response = await frontends.fetch(path(1), {
        method: 'PUT',
        body: ReadableStream.from([bytes.subarray(0, 1_500_000), bytes.subarray(1_500_000)]),
        duplex: 'half',
      })

      expect(response.status).toBe(created)
      expect((await frontends.get(path(1))).equals(bytes)).toBe(true)
    })

    test('is read in parts, and not again when it is unchanged', async () => {
      await start()
      const { bytes, digest } = newBlob(100_000)
      await frontends.put(path(1), bytes)
      const get = (headers: Record<string, string>): Promise<Response> => frontends.fetch(path(1), { headers })

      const whole = await get({})
      const etag = whole.headers.get('etag') ?? ''
      expect([etag, whole.headers.get('accept-ranges')]).toEqual([`"${digest.hash}"`, 'bytes'])
      expect((await get({ 'if-none-match': etag })).status).toBe(304)
      expect((await get({ 'if-none-match': '"other", W/"x"' })).status).toBe(200)

      const part = await get({ range: 'bytes=99990-100005' })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 99990-99999/100000'])
      expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(99_990))).toBe(true)
      const end = await get({ range: 'bytes=-3' })
      expect(Buffer.from(await end.arrayBuffer()).equals(bytes.subarray(99_997))).toBe(true)
      const beyond = await get({ range: 'bytes=100000-' })
      expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */100000'])
      const changed = await get({ range: 'bytes=0-9', 'if-range': '"other"' })
      expect([changed.status, changed.headers.get('content-length')]).toEqual([200, '100000'])
      expect((await get({ range: 'bytes=0-9', 'if-range': etag })).status).toBe(206)
      for (const range of ['bytes=0-1,5-6', 'bytes=5-1', 'lines=1-2', 'nonsense']) {
        expect((await get({ range })).status).toBe(200)
      }
    })

    test('a client that disappears half-way leaves nothing', async () => {
      await start()
      const socket = connect(Number(new URL(frontends.url).port), '127.0.0.1')
      socket.write(`PUT ${path(1)} HTTP/1.1\r\nhost: x\r\ncontent-length: 4000000\r\n\r\n`)
      socket.write(Buffer.alloc(3_000_000))
      await eventually(() => expect(frontends.uploads()).toHaveLength(1))

      socket.destroy()

      await eventually(() => expect(frontends.uploads()).toEqual([]))
      expect((await frontends.fetch(path(1))).status).toBe(404)
      expect(await Array.fromAsync(frontends.backend.storage.listBlobs())).toEqual([])
      expect(frontends.failures).toEqual([])
    })

    test('a client that waits to be told to go on is, unless its body is too long', async () => {
      await start({ maxBlobBytes: 1000 })
      const url = frontends.url + path(1)

      const tooLong = await putAfterContinue(url, { 'content-length': '1001' })
      const stored = await putAfterContinue(url, { 'content-length': '1000' }, Buffer.alloc(1000))

      expect(tooLong.statusCode).toBe(name === 'nx' ? 403 : 413)
      expect(stored.statusCode).toBe(created)
    })

    test('keeps the connection for the next request', async () => {
      await start()
      const socket = connect(Number(new URL(frontends.url).port), '127.0.0.1')
      const put = `PUT ${path(1)} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc`
      socket.write(`GET ${path(1)} HTTP/1.1\r\nhost: x\r\n\r\n${put}`)
      socket.write(`HEAD ${path(2)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)

      const answers = (await text(socket)).match(/HTTP\/1\.1 \d+/g)

      expect(answers).toEqual(['HTTP/1.1 404', `HTTP/1.1 ${created}`, 'HTTP/1.1 404'])
    })

    test('is left alone by a write that wants it not to be there', async () => {
      await start()
      const write = (content: string): Promise<Response> => frontends.put(path(1), content, { 'if-none-match': '*' })

      expect((await write('first')).status).toBe(created)

      expect((await write('second')).status).toBe(412)
      expect(String(await frontends.get(path(1)))).toBe('first')
    })

    test('does not serve what it is not told to, nor under another instance than its own', async () => {
      await start({ configs: { [name]: { enabled: false } } })
      expect((await frontends.put(path(1), 'x')).status).toBe(404)
      await frontends.close()

      await start({ configs: { [name]: { instance: 'ours' } } })
      expect((await frontends.put(path(1), 'x')).status).toBe(created)

      expect(String(await frontends.get(`/ours${path(1)}`))).toBe('x')
      expect((await frontends.put(`/theirs${path(2)}`, 'x')).status).toBe(404)
    })

    test('what cannot be read or written for a reason of ours is told as the tool takes it best', async () => {
      const backend = faultyBackend()
      await start({ backend })
      backend.setPlan(failing())

      const read = await frontends.fetch(path(1))
      const written = await frontends.put(path(1), 'x')

      expect([read.status, written.status]).toEqual(failed)
      expect(frontends.failures).toHaveLength(2)
    })

    test('what is asked for, found and offered is counted', async () => {
      await start()
      await frontends.fetch(path(1))
      await frontends.put(path(1), '12345')
      await frontends.get(path(1))
      await frontends.get(path(1), { range: 'bytes=0-1' })

      const { [name]: counted = {}, other } = frontends.statistics.report()

      expect(name === 'bazel' ? other : counted).toEqual({
        hits: 2,
        misses: 1,
        hitRate: 0.6667,
        sent: { count: 2, bytes: 7 },
        offered: { count: 1, bytes: 5 },
        deduplicated: { count: 0, bytes: 0 },
      })
    })
  },
)

test('the same content is one blob, whichever tools have it, and verified for all of them', async () => {
  await start()
  const { bytes, digest } = newBlob(200_000)

  for (const { path } of tools) await frontends.put(path(1), bytes)
  await frontends.put(`/cas/${digest.hash}`, bytes)

  expect(await Array.fromAsync(frontends.backend.storage.listBlobs(), ({ digest: each }) => each)).toEqual([digest])
  for (const { path } of tools) expect(digestOf(await frontends.get(path(1)))).toEqual(digest)
  const report = frontends.statistics.report()
  const deduplicated = Object.values(report).reduce((sum, tool) => sum + tool.deduplicated.count, 0)
  // All but the first, and that of `ac`, whose store does not look first.
  expect(deduplicated).toBe(tools.length - 2 + 1)
})

test('a server that has said no to a body ends the connection rather than take the rest for a request', async () => {
  await start({ maxBlobBytes: 10 })
  const outgoing = request(`${frontends.url}/gradle/1`, { method: 'PUT', headers: { 'content-length': '50000000' } })
  outgoing.on('error', () => undefined)
  const answered = new Promise<number | undefined>((resolve) => {
    outgoing.on('response', ({ statusCode }) => resolve(statusCode))
  })
  outgoing.write(Buffer.alloc(1000))

  expect(await answered).toBe(413)
  outgoing.destroy()
})
