import { failing } from '@caskade/conformance'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningHttpFrontends } from './testing/http-frontends.fixture.ts'
import { faultyBackend, startHttpFrontends } from './testing/http-frontends.fixture.ts'

const OBJECT = `/webdav/pfx/0/1/2/${'0'.repeat(64)}`

let frontends: RunningHttpFrontends

beforeEach(async () => {
  frontends = await startHttpFrontends()
})

afterEach(() => frontends.close())

function send(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
  return frontends.fetch(path, { method, headers, ...(body !== undefined && { body }) })
}

/** What a multistatus says, in the order in which it says it. */
function propertiesOf(xml: string): Record<string, string> {
  const texts = [...xml.matchAll(/<D:(href|getcontentlength|getlastmodified|getetag|status)>([^<]*)</g)]
  return Object.fromEntries(texts.map(([, name = '', value = '']) => [name, value]))
}

test('sccache starts, stores an object and finds it', async () => {
  expect((await send('GET', '/webdav/pfx/.sccache_check')).status).toBe(404)
  expect((await send('PROPFIND', '/webdav/pfx/', { depth: '0' })).status).toBe(207)
  expect((await send('PUT', '/webdav/pfx/.sccache_check', {}, 'Hello, World!')).status).toBe(201)
  expect((await send('GET', OBJECT)).status).toBe(404)
  for (const folder of ['/webdav/pfx/0/1/2/', '/webdav/pfx/0/1/', '/webdav/']) {
    expect((await send('PROPFIND', folder, { depth: '0' })).status).toBe(207)
  }
  expect((await send('MKCOL', '/webdav/pfx/0/1/2/')).status).toBe(201)
  expect((await send('PUT', OBJECT, {}, 'object')).status).toBe(201)

  expect(String(await frontends.get(OBJECT))).toBe('object')
  expect(String(await frontends.get('/webdav/pfx/.sccache_check'))).toBe('Hello, World!')
  expect((await send('PUT', '/webdav/pfx/.sccache_check', {}, 'Hello again')).status).toBe(204)
})

test('sccache starts although the store fails, and is told that it does for everything else', async () => {
  await frontends.close()
  const backend = faultyBackend()
  frontends = await startHttpFrontends({ backend })
  backend.setPlan(failing())

  expect((await send('GET', '/webdav/pfx/.sccache_check')).status).toBe(404)
  expect((await send('PROPFIND', '/webdav/pfx/', { depth: '0' })).status).toBe(207)
  expect((await send('PUT', '/webdav/pfx/.sccache_check', {}, 'Hello, World!')).status).toBe(503)
  expect((await send('GET', OBJECT)).status).toBe(503)
  expect((await send('PROPFIND', OBJECT, { depth: '0' })).status).toBe(503)
  expect(frontends.failures).toHaveLength(4)
})

test.each([
  '/webdav/gradle/.sccache_check',
  '/webdav/gradle/0',
  '/webdav/x/webdav/y',
  '/webdav/webdav',
  '/a/webdav//b',
])('the name %s is that of a file, whatever it looks like', async (path) => {
  expect((await send('PUT', path, {}, 'content')).status).toBe(201)

  expect(String(await frontends.get(path))).toBe('content')
  expect((await send('PROPFIND', path, { depth: '0' })).status).toBe(207)
  expect(Object.keys(frontends.statistics.report())).toEqual(['webdav'])
})

describe('PROPFIND', () => {
  test('describes a file, with a date that can be read and is that of the day', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000
    await send('PUT', OBJECT, {}, 'object')

    const response = await send('PROPFIND', OBJECT, { depth: '0' }, '<?xml version="1.0"?><propfind xmlns="DAV:"/>')

    const xml = await response.text()
    expect([response.status, response.headers.get('content-type')]).toEqual([207, 'application/xml; charset=utf-8'])
    const { href, getcontentlength, getlastmodified = '', getetag, status } = propertiesOf(xml)
    expect([href, getcontentlength, status]).toEqual([OBJECT, '6', 'HTTP/1.1 200 OK'])
    expect(getetag).toMatch(/^"[\da-f]{64}"$/)
    expect(getlastmodified).toMatch(/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
    expect(new Date(getlastmodified).toUTCString()).toBe(getlastmodified)
    expect(Date.parse(getlastmodified)).toBeGreaterThanOrEqual(before)
    expect(xml).not.toContain('collection')
    const head = await send('HEAD', OBJECT)
    expect(head.headers.get('last-modified')).toBe(getlastmodified)
  })

  test('finds any folder, and no file that is not stored', async () => {
    const folder = await send('PROPFIND', '/webdav/a/b%20%26c/', { depth: '0' })

    const xml = await folder.text()
    expect(xml).toContain('<D:collection/>')
    expect(propertiesOf(xml)['href']).toBe('/webdav/a/b%20%26c/')
    expect((await send('PROPFIND', '/webdav', { depth: '0' })).status).toBe(207)
    expect((await send('PROPFIND', OBJECT, { depth: '0' })).status).toBe(404)
  })

  test('does not list folders, and says so', async () => {
    for (const depth of [undefined, '1', 'infinity']) {
      const response = await send('PROPFIND', '/webdav/pfx/', depth === undefined ? {} : { depth })
      expect([response.status, await response.text()]).toEqual([403, expect.stringContaining('Depth: 0')])
    }
  })

  test('writes names so that they are no markup', async () => {
    const response = await send('PROPFIND', '/webdav/<&"/', { depth: '0' })

    expect(await response.text()).not.toMatch(/href>[^<]*["&](?!#)/)
  })
})

test('OPTIONS says what is served', async () => {
  const response = await send('OPTIONS', '/webdav/')

  expect([response.status, response.headers.get('dav')]).toEqual([200, '1'])
  expect(response.headers.get('allow')).toContain('PROPFIND')
})

test('a file is removed, a folder is neither read nor written', async () => {
  await send('PUT', OBJECT, {}, 'object')

  expect((await send('DELETE', OBJECT)).status).toBe(204)
  expect((await send('DELETE', OBJECT)).status).toBe(404)
  expect((await send('GET', OBJECT)).status).toBe(404)
  for (const method of ['GET', 'PUT', 'DELETE']) expect((await send(method, '/webdav/pfx/')).status).toBe(405)
})

test('instances keep their files apart, and a prefix of Bazel is not one', async () => {
  await send('PUT', '/left/webdav/x', {}, 'left')
  await send('PUT', '/right/webdav/x', {}, 'right')
  await send('PUT', '/webdav/webdav/x', {}, 'twice')

  expect(String(await frontends.get('/left/webdav/x'))).toBe('left')
  expect(String(await frontends.get('/webdav/webdav/x'))).toBe('twice')
  expect((await send('GET', '/webdav/x')).status).toBe(404)
  const { status } = await send('PUT', `/webdav/ac/${'a'.repeat(64)}`, {}, 'of bazel')
  expect([status, Object.keys(frontends.statistics.report())]).toEqual([200, ['other', 'webdav']])
})
