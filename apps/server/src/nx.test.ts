import { failing } from '@caskade/conformance'
import { StorageError } from '@caskade/core'
import { afterEach, describe, expect, test } from 'vitest'
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
