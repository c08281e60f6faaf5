import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf, sourceFromBytes } from '@caskade/core'
import { SqliteStorage } from '@caskade/sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Log } from './log.ts'
import { startServer } from './server.ts'

let data: string

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'caskade-server-'))
  await using storage = new SqliteStorage({ path: join(data, 'store') })
  await storage.start()
  const bytes = Buffer.from('hello, world')
  await storage.commitWrite(digestOf(bytes), sourceFromBytes(bytes))
})

afterEach(() => rmSync(data, { recursive: true }))

test.each([
  ['unless it is told not to', {}, 1],
  ['not when it is told so', { scrubBytesPerSecond: 0 }, 0],
  ['not when it has a backend of somebody else', { backend: { type: 'sqlite', path: 'store' } }, 0],
  [
    'with a backend of somebody else when it is told to',
    { backend: { type: 'sqlite', path: 'store' }, scrubBytesPerSecond: 1e9 },
    1,
  ],
])('a server looks for damage, %s', async (_, config, expected) => {
  const messages: string[] = []
  const { promise: scrubbed, resolve } = Promise.withResolvers<void>()
  const info = (...words: readonly unknown[]): void => {
    messages.push(String(words.at(-1)))
    resolve()
  }
  const log = { info, warn: () => undefined, error: () => undefined } as unknown as Log

  const server = await startServer(
    { ...config, data, listen: '127.0.0.1:0', httpListen: '127.0.0.1:0' },
    { log, baseDirectory: data },
  )
  if (expected > 0) await scrubbed
  await server.stop()

  expect(messages).toHaveLength(expected)
})
