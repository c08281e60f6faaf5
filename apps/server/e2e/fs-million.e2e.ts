import { randomBytes } from 'node:crypto'
import { accessSync, constants, linkSync, mkdirSync, readdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { digestOf } from '@caskade/core'
import { expect, test } from 'vitest'
import { temporaryFolder } from './support/folders.ts'
import { run, runOk } from './support/run.ts'

const BLOBS = 1_000_000

/** File systems allow a file only so many names. */
const NAMES_PER_FILE = 30_000

const KNOWN = 'a blob among a million'

const ROUNDS = 3

test('a folder of a million blobs serves within a second of the start of its process', async () => {
  using folder = temporaryFolder('million')
  await fill(folder.path)

  for (let round = 0; round < ROUNDS; round++) {
    const isCold = await dropCaches()
    const program = fileURLToPath(new URL('programs/fs-first.ts', import.meta.url))
    const args = ['--conditions=@caskade/source', program, folder.path, KNOWN]
    const output = await runOk(process.execPath, args, { cwd: import.meta.dirname })

    const { isThere, startedMs, gotMs, putMs } = JSON.parse(output) as Record<string, number | boolean>
    process.stdout.write(
      `a million blobs (${isCold ? 'cold' : 'warm'} caches): started after ${Math.round(Number(startedMs))} ms, ` +
        `first get after ${Math.round(Number(gotMs))} ms, first put after ${Math.round(Number(putMs))} ms\n`,
    )
    expect(isThere).toBe(true)
    expect(putMs).toBeLessThan(1000)
  }
})

/** Names a few small files a million times, as the files of blobs are named. Nothing accounts for them. */
async function fill(path: string): Promise<void> {
  const blobs = join(path, 'cas', 'sha256')
  for (let bucket = 0; bucket < 256; bucket++) {
    mkdirSync(join(blobs, bucket.toString(16).padStart(2, '0')), { recursive: true })
  }
  const file = join(path, 'file')
  for (let made = 0; made < BLOBS; made++) {
    if (made % NAMES_PER_FILE === 0) {
      if (made > 0) unlinkSync(file)
      writeFileSync(file, `file ${made}`)
      await setImmediate()
    }
    const hash = randomBytes(32).toString('hex')
    linkSync(file, join(blobs, hash.slice(0, 2), hash))
  }
  unlinkSync(file)
  const { hash } = digestOf(Buffer.from(KNOWN))
  writeFileSync(join(blobs, hash.slice(0, 2), hash), KNOWN)
  expect(readdirSync(join(blobs, 'ab')).length).toBeGreaterThan(3000)
}

/** Has the system forget what it has read, where that is permitted. */
async function dropCaches(): Promise<boolean> {
  const switchPath = '/proc/sys/vm/drop_caches'
  try {
    accessSync(switchPath, constants.W_OK)
  } catch {
    return false
  }
  await run('sync', [], { cwd: '/' })
  writeFileSync(switchPath, '3')
  return true
}
