import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FsStorage } from './index.ts'

const isRoot = process.getuid?.() === 0
const script = fileURLToPath(new URL('limited-process.fixture.ts', import.meta.url))

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(path, { recursive: true }))

test.skipIf(process.platform === 'win32')('running out of file descriptors is unavailable, and passes', () => {
  const command = 'ulimit -n 64; exec "$0" --conditions=@caskade/source "$1" "$2"'

  const { stdout, stderr } = spawnSync('sh', ['-c', command, process.execPath, script, path], { encoding: 'utf8' })

  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({
    reading: 'unavailable',
    writing: 'unavailable',
    // The blob is there, but whether its name is on disk cannot be made sure of.
    asking: 'unavailable',
    afterwards: 'ok',
  })
})

// Permissions mean nothing to root.
test.skipIf(isRoot || process.platform === 'win32')('a folder without permission is permission-denied', async () => {
  chmodSync(path, 0o500)
  const storage = new FsStorage({ path: join(path, 'store') })

  await expect(storage.start()).rejects.toMatchObject({ name: 'StorageError', code: 'permission-denied' })

  chmodSync(path, 0o700)
  await storage.start()
  await storage.stop()
})
