import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { digestOf, sourceFromBytes } from '@caskade/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { SqliteStorage } from './index.ts'

const isRoot = process.getuid?.() === 0
const script = fileURLToPath(new URL('limited-process.fixture.ts', import.meta.url))

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(path, { recursive: true }))

test.skipIf(process.platform === 'win32')('running out of file descriptors is unavailable, and passes', () => {
  const command = 'ulimit -n 64; exec "$0" --conditions=@caskade/source "$1" "$2"'

  const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script, path], { encoding: 'utf8' })

  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({
    reading: 'unavailable',
    writing: 'unavailable',
    isThere: true,
    afterwards: 'ok',
  })
})

// Permissions mean nothing to root.
test.skipIf(isRoot || process.platform === 'win32')('a folder without permission is permission-denied', async () => {
  chmodSync(path, 0o500)
  const storage = new SqliteStorage({ path: join(path, 'store') })

  await expect(storage.start()).rejects.toMatchObject({ name: 'StorageError', code: 'permission-denied' })

  chmodSync(path, 0o700)
  await storage.start()
  await storage.stop()
})

test.each([300_000, 1_000_000, 5_000_000])(
  'with a quota of %i bytes, it says how large a blob can be',
  async (maxBytes) => {
    await using storage = new SqliteStorage({ path, maxBytes })
    await storage.start()
    const most = Buffer.alloc(storage.maxBlobBytes)
    const more = Buffer.alloc(storage.maxBlobBytes + 1)

    await storage.commitWrite(digestOf(most), sourceFromBytes(most))
    const committing = storage.commitWrite(digestOf(more), sourceFromBytes(more))
    await expect(committing).rejects.toMatchObject({ code: 'too-large' })
  },
)
