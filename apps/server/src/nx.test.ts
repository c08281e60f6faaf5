import { failing, failingReaders } from '@caskade/conformance'
import { digestOf, sourceFromBytes, StorageError } from '@caskade/core'
import { afterEach, describe, expect, test } from 'vitest'
import { eventually } from './testing/eventually.fixture.ts'
import type { HttpFrontendsOptions, RunningHttpFrontends } from './testing/http-frontends.fixture.ts'
import { faultyBackend, putAfterContinue, startHttpFrontends } from './testing/http-frontends.fixture.ts'

const ARTIFACT = '/v1/cache/12345678901234567890'

let frontends: RunningHttpFrontends

afterEach(() => frontends.close())

async function start(options?: HttpFrontendsOptions): Promise<void> {
  frontends = await startHttpFrontends(options)
}

describe('an artifact', () => {
  test('is stored with exactly 200, and comes back', async () => {
    await start()

    const stored = await frontends.put(ARTIFACT, 'the artifact')
    const read = await frontends.fetch(ARTIFACT)

    expect([stored.status, await stored.text()]).toEqual([200, ''])
    expect([read.status, await read.text()]).toEqual([200, 'the artifact'])
    expect(read.headers.get('content-type')).toBe('application/octet-stream')
    expect((await frontends.fetch(ARTIFACT, { method: 'HEAD' })).headers.get('content-length')).toBe('12')
  })

  test('that is not stored is 404, in plain text', async () => {
    await start()

    const response = await frontends.fetch(ARTIFACT)

    expect([response.status, await response.text()]).toEqual([404, '12345678901234567890 is not stored\n'])
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(frontends.failures).toEqual([])
  })

  test('is not replaced: 409, once all of the body was read', async () => {
    await start()
    await frontends.put(ARTIFACT, 'first')

    const again = await frontends.put(ARTIFACT, Buffer.alloc(4_000_000))

    expect([again.status, again.headers.get('connection')]).toEqual([409, 'keep-alive'])
    expect(String(await frontends.get(ARTIFACT))).toBe('first')
  })

  test('that is there is refused before it is sent where the client waits to be told to send it', async () => {
    await start()
    await frontends.put(ARTIFACT, 'first')

    const { statusCode, headers } = await putAfterContinue(frontends.url + ARTIFACT, { 'content-length': '4000000' })

    expect([statusCode, headers.connection]).toEqual([409, 'close'])
  })

  test('is replaced where that is configured', async () => {
    await start({ configs: { nx: { overwrite: true } } })
    await frontends.put(ARTIFACT, 'first')

    expect((await frontends.put(ARTIFACT, 'second')).status).toBe(200)

    expect(String(await frontends.get(ARTIFACT))).toBe('second')
  })

  test('whose content is gone is missing, and can be stored again', async () => {
    await start()
    await frontends.put(ARTIFACT, 'first')
    for await (const { digest } of frontends.backend.storage.listBlobs()) {
      await frontends.backend.storage.deleteBlob(digest)
    }

    expect((await frontends.fetch(ARTIFACT)).status).toBe(404)
    expect((await frontends.put(ARTIFACT, 'second')).status).toBe(200)
    expect(String(await frontends.get(ARTIFACT))).toBe('second')
  })

  test('of two clients that store it at once is that of one of them', async () => {
    await start()
    const bodies = ['left', 'right']

    const responses = await Promise.all(bodies.map((body) => frontends.put(ARTIFACT, body)))

    const statuses = responses.map(({ status }) => status)
    expect(statuses.toSorted((left, right) => left - right)).toEqual([200, 409])
    expect(String(await frontends.get(ARTIFACT))).toBe(bodies[statuses.indexOf(200)])
  })

  test('belongs to its instance', async () => {
    await start()
    await frontends.put(`/left${ARTIFACT}`, 'left')
    await frontends.put(`/right${ARTIFACT}`, 'right')

    expect(String(await frontends.get(`/left${ARTIFACT}`))).toBe('left')
    expect(String(await frontends.get(`/right${ARTIFACT}`))).toBe('right')
    expect((await frontends.fetch(ARTIFACT)).status).toBe(404)
  })

  test('with a name that is none is missing for reading, and refused for writing', async () => {
    await start()

    expect((await frontends.fetch('/v1/cache/a%20b')).status).toBe(400)
    expect((await frontends.put('/v1/cache/a%20b', 'x')).status).toBe(400)
  })
})

describe('content that breaks off', () => {
  const artifact = Buffer.alloc(3_000_000, 'x')

  async function startFaulty(options: HttpFrontendsOptions = {}): Promise<ReturnType<typeof faultyBackend>> {
    const backend = faultyBackend()
    await start({ ...options, backend })
    await frontends.put(ARTIFACT, artifact)
    return backend
  }

  test.each([
    ['unavailable', [404, 1]],
    // What is damaged is dropped, and missing from then on.
    ['corrupt', [404, 0]],
  ] as const)('for the reason %s is a miss, not a broken answer', async (code, expected) => {
    const backend = await startFaulty()
    backend.setPlan(failingReaders(2_500_000, new StorageError(code, 'the rest cannot be read')))

    const { status } = await frontends.fetch(ARTIFACT)

    expect([status, frontends.failures.length]).toEqual(expected)
    expect(frontends.uploads()).toEqual([])
    backend.setPlan({})
    expect((await frontends.get(ARTIFACT)).equals(artifact)).toBe(true)
    expect((await frontends.get(ARTIFACT, { range: 'bytes=5-7' })).equals(artifact.subarray(5, 8))).toBe(true)
  })

  test('is served as it is read where there is no room for it', async () => {
    const backend = faultyBackend()
    await start({ backend, maxSpoolBytes: 1_000_000 })
    const digest = digestOf(artifact)
    await backend.storage.commitWrite(digest, sourceFromBytes(artifact))
    const entry = { bytes: Buffer.alloc(0), references: [digest], metadata: {} }
    await backend.actionCache.update({ namespace: 'nx:', key: ARTIFACT.slice('/v1/cache/'.length) }, entry)

    expect((await frontends.get(ARTIFACT)).equals(artifact)).toBe(true)
    expect(frontends.uploads()).toEqual([])
  })
})

describe('an artifact whose content is gone', () => {
  test('is stored anew by whoever is done first, and by nobody after that', async () => {
    const backend = faultyBackend()
    await start({ backend })
    await frontends.put(ARTIFACT, 'gone')
    await backend.storage.deleteBlob(digestOf(Buffer.from('gone')))
    let looks = 0
    backend.setPlan({ before: ({ method }) => (looks += method === 'hasBlob' ? 1 : 0) })
    const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>()
    const slow = (async function* () {
      yield Buffer.from('sl')
      await rest
      yield Buffer.from('ow')
    })()
    const body = ReadableStream.from(slow)
    const first = frontends.fetch(ARTIFACT, { method: 'PUT', body, duplex: 'half' })
    await eventually(() => expect(looks).toBe(1))

    expect((await frontends.put(ARTIFACT, 'quick')).status).toBe(200)
    sendRest()

    expect((await first).status).toBe(409)
    expect(String(await frontends.get(ARTIFACT))).toBe('quick')
  })
})

describe('what Nx would fail a build over is told as something that it takes calmly', () => {
  test.each(['unavailable', 'no-space', 'unknown', 'permission-denied', 'unsupported'])(
    'the store fails with %s: a read is a miss, a write is not permitted, and both are logged',
    async (code) => {
      const backend = faultyBackend()
      await start({ backend })
      await frontends.put(ARTIFACT, 'stored')
      backend.setPlan(failing(new StorageError(code, 'the store is away')))

      const read = await frontends.fetch(ARTIFACT)
      const written = await frontends.put('/v1/cache/2', 'x')

      expect([read.status, await read.text()]).toEqual([404, 'the store is away\n'])
      expect([written.status, await written.text()]).toEqual([403, 'the store is away\n'])
      expect(frontends.failures).toHaveLength(2)
      backend.setPlan({})
      expect(String(await frontends.get(ARTIFACT))).toBe('stored')
      expect((await frontends.put('/v1/cache/2', 'x')).status).toBe(200)
    },
  )

  test('too long an artifact is not permitted', async () => {
    await start({ maxBlobBytes: 1000 })

    const response = await frontends.put(ARTIFACT, Buffer.alloc(1001))

    expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('at most 1000')])
  })
})
