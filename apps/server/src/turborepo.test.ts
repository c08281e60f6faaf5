import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningHttpFrontends } from './testing/http-frontends.fixture.ts'
import { startHttpFrontends } from './testing/http-frontends.fixture.ts'

const HASH = '0123456789abcdef'
const ARTIFACT = `/v8/artifacts/${HASH}?slug=my-team`

let frontends: RunningHttpFrontends

beforeEach(async () => {
  frontends = await startHttpFrontends()
})

afterEach(() => frontends.close())

function query(hashes: readonly unknown[], team = 'my-team'): Promise<Response> {
  return frontends.fetch(`/v8/artifacts?slug=${team}`, { method: 'POST', body: JSON.stringify({ hashes }) })
}

async function errorOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  expect(error.message).not.toBe('')
  return [response.status, error.code]
}

describe('an artifact', () => {
  test('comes back with what came with it, and no more', async () => {
    const sent = {
      'content-type': 'application/octet-stream',
      'x-artifact-duration': '1234',
      'x-artifact-tag': 'c2lnbmF0dXJl+/==',
      'x-artifact-sha': 'abc123',
      'x-artifact-dirty-hash': 'def',
      'x-artifact-client-ci': 'GITHUB_ACTIONS',
      'x-other': 'x',
    }

    const stored = await frontends.put(ARTIFACT, 'the artifact', sent)
    const read = await frontends.fetch(ARTIFACT)

    expect([stored.status, await stored.json()]).toEqual([202, { urls: [`/v8/artifacts/${HASH}`] }])
    expect([read.status, await read.text()]).toEqual([200, 'the artifact'])
    for (const name of ['x-artifact-duration', 'x-artifact-tag', 'x-artifact-sha', 'x-artifact-dirty-hash'] as const) {
      expect(read.headers.get(name)).toBe(sent[name])
    }
    expect(read.headers.get('content-type')).toBe('application/octet-stream')
    for (const name of ['x-artifact-client-ci', 'x-other']) expect(read.headers.get(name)).toBe(null)
  })

  test('is asked for without being read', async () => {
    await frontends.put(ARTIFACT, 'the artifact', { 'x-artifact-duration': '5' })

    const found = await frontends.fetch(ARTIFACT, { method: 'HEAD' })
    const absent = await frontends.fetch('/v8/artifacts/ffff?slug=my-team', { method: 'HEAD' })

    expect([found.status, found.headers.get('content-length')]).toEqual([200, '12'])
    expect(found.headers.get('x-artifact-duration')).toBe('5')
    expect(absent.status).toBe(404)
  })

  test('is replaced, as turbo does it when it is forced to, or a signature does not match', async () => {
    await frontends.put(ARTIFACT, 'old', { 'x-artifact-tag': 'old' })
    await frontends.put(ARTIFACT, 'new')

    const read = await frontends.fetch(ARTIFACT)

    expect([await read.text(), read.headers.get('x-artifact-tag')]).toEqual(['new', null])
  })

  test('belongs to its team: by the id, else by the slug, and to its instance', async () => {
    const paths = [
      `/v8/artifacts/${HASH}`,
      `/v8/artifacts/${HASH}?slug=a`,
      `/v8/artifacts/${HASH}?slug=b`,
      `/v8/artifacts/${HASH}?teamId=team_1&slug=a`,
      `/v8/artifacts/${HASH}?slug=team_1`,
      `/v8/artifacts/${HASH}?slug=x%3Aa`,
      `/x/v8/artifacts/${HASH}?slug=a`,
      `/x/y/v8/artifacts/${HASH}?slug=a`,
    ]
    for (const [index, path] of paths.entries()) await frontends.put(path, `artifact ${index}`)

    for (const [index, path] of paths.entries()) expect(String(await frontends.get(path))).toBe(`artifact ${index}`)
    const other = {
      'teamId=team_1&slug=b': 'artifact 3',
      'teamId=&slug=a': 'artifact 1',
      'slug=': 'artifact 0',
    }
    for (const [team, artifact] of Object.entries(other)) {
      expect(String(await frontends.get(`/v8/artifacts/${HASH}?${team}`))).toBe(artifact)
    }
    expect(String(await frontends.get(`//x/y//v8/artifacts/${HASH}?slug=a`))).toBe('artifact 7')
  })
})

describe('what else turbo asks', () => {
  test('whether the cache is enabled', async () => {
    const response = await frontends.fetch('/v8/artifacts/status?slug=my-team')

    expect([response.status, await response.json()]).toEqual([200, { status: 'enabled' }])
  })

  test('which of many artifacts are there', async () => {
    await frontends.put('/v8/artifacts/aaaa?slug=my-team', '12345', {
      'x-artifact-duration': '77',
      'x-artifact-tag': 'tag',
    })
    const odd = ['nonsense', '-1', '1.5', '1e30', '']
    for (const [index, duration] of odd.entries()) {
      await frontends.put(`/v8/artifacts/b${index}?slug=my-team`, '', { 'x-artifact-duration': duration })
    }

    const response = await query(['aaaa', ...odd.map((_, index) => `b${index}`), 'cccc'])

    expect([response.status, await response.json()]).toEqual([
      200,
      {
        aaaa: { size: 5, taskDurationMs: 77, tag: 'tag' },
        ...Object.fromEntries(odd.map((_, index) => [`b${index}`, { size: 0, taskDurationMs: 0 }])),
        cccc: null,
      },
    ])
    expect(await (await query(['aaaa'], 'others')).json()).toEqual({ aaaa: null })
  })

  test('to be told of its events', async () => {
    const events = [{ sessionId: 's', source: 'REMOTE', event: 'HIT', hash: HASH, duration: 1 }]
    const post = (body: string): Promise<Response> =>
      frontends.fetch('/v8/artifacts/events?slug=my-team', { method: 'POST', body })

    expect((await post(JSON.stringify(events))).status).toBe(200)
    expect(await errorOf(await post('{}'))).toEqual([400, 'bad_request'])
    expect(await errorOf(await post('[{'))).toEqual([400, 'bad_request'])
  })

  test.each(['/v8/artifacts', `/v8/artifacts/${HASH}`, '/v8/artifacts/events', '/team/v8/artifacts/status'])(
    'whether it may send its authorization to %s',
    async (path) => {
      const response = await frontends.fetch(path, { method: 'OPTIONS' })

      expect(response.status).toBe(204)
      const allowed = response.headers.get('access-control-allow-headers')?.split(', ')
      expect(allowed).toEqual(expect.arrayContaining(['Authorization', 'x-artifact-tag', 'x-artifact-duration']))
      // A browser would take this for a permission.
      expect(response.headers.get('access-control-allow-origin')).toBe(null)
    },
  )
})

describe('a refusal is JSON', () => {
  test.each<[string, string, RequestInit, number, string]>([
    ['an artifact that is not stored', ARTIFACT, {}, 404, 'not_found'],
    ['a hash that is none', '/v8/artifacts/a%2Fb', {}, 400, 'bad_request'],
    ['a hash that is none, for writing', '/v8/artifacts/a.b', { method: 'PUT', body: 'x' }, 400, 'bad_request'],
    ['a method that there is not', ARTIFACT, { method: 'DELETE' }, 405, 'method_not_allowed'],
    ['a query that is none', '/v8/artifacts', { method: 'POST', body: '{"hashes":[1]}' }, 400, 'bad_request'],
    ['a query of no method', '/v8/artifacts', {}, 405, 'method_not_allowed'],
    ['too long an artifact', ARTIFACT, { method: 'PUT', body: Buffer.alloc(5_000_001) }, 413, 'payload_too_large'],
  ])('%s', async (_, path, init, status, code) => {
    expect(await errorOf(await frontends.fetch(path, init))).toEqual([status, code])
    expect(frontends.failures).toEqual([])
  })

  test('too many hashes, and too long a body', async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => String(index))

    expect(await errorOf(await query(many))).toEqual([413, 'payload_too_large'])
    expect(await errorOf(await query(['x'.repeat(1_100_000)]))).toEqual([413, 'payload_too_large'])
  })
})
