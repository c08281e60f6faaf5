import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { withSmallDisk } from '@caskade/conformance'
import { describe, expect, test } from 'vitest'
import { DiskWatcher } from './support/disk-watcher.ts'
import { times } from './support/effort.ts'
import { localBackend, localBackends } from './support/local-backends.ts'
import { createRandom } from './support/random.ts'

const MEBIBYTE = 1024 * 1024
const QUOTA_BYTES = 1024 * MEBIBYTE

/** When one of the processes is killed and started again. */
const KILLS_AFTER_MS = Array.from({ length: 4 }, () => times(8000, 15_000))
const LAST_MS = times(20_000, 40_000)

interface Counts {
  readonly written: number
  readonly writtenBytes: number
  readonly refused: number
  readonly read: number
  readonly absent: number
  readonly deleted: number
  readonly failures: readonly string[]
}

describe.each(Object.keys(localBackends))('%s', (name) => {
  test('never takes more of the disk than its quota, whoever writes, reads and dies', async () => {
    const isRequired = process.env['CASKADE_E2E_REQUIRE_CLIENTS'] === '1'
    const isMounted = await withSmallDisk({ sizeBytes: 2 * QUOTA_BYTES, isRequired }, async (disk) => {
      const path = join(disk, 'data')
      mkdirSync(path)
      const random = createRandom(`quota of ${name}`)
      const watcher = new DiskWatcher(path)
      const steady = await startWorker(name, path, random)
      let mortal = await startWorker(name, path, random)

      for (const afterMs of KILLS_AFTER_MS) {
        await delay(afterMs)
        mortal.kill('SIGKILL')
        await once(mortal, 'exit')
        mortal = await startWorker(name, path, random)
      }
      await delay(LAST_MS)
      const counts = await Promise.all([stopWorker(steady), stopWorker(mortal)])
      const seen = await watcher.stop()

      const writtenBytes = counts.reduce((sum, each) => sum + each.writtenBytes, 0)
      process.stdout.write(
        `${name}: of ${inMebibytes(QUOTA_BYTES)} MiB at most ${inMebibytes(seen.mostOnDisk)} MiB of the disk, ` +
          `${inMebibytes(seen.mostInFiles)} MiB in files (${seen.looks} looks); ${inMebibytes(writtenBytes)} MiB written ` +
          `by those that lived to tell\n${counts.map((each) => JSON.stringify(each)).join('\n')}\n`,
      )
      expect(counts.flatMap(({ failures }) => failures)).toEqual([])
      expect(seen.mostOnDisk).toBeLessThanOrEqual(QUOTA_BYTES)
      expect(seen.mostInFiles).toBeLessThanOrEqual(QUOTA_BYTES)
      expect(seen.mostOnDisk).toBeGreaterThan(0.8 * QUOTA_BYTES)
      expect(writtenBytes).toBeGreaterThan(2 * QUOTA_BYTES)
      expect(seen.looks).toBeGreaterThan(500)
      await expectWhole(name, path)
    })

    expect(typeof isMounted).toBe('boolean')
  })
})

async function startWorker(name: string, path: string, random: () => number): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('programs/busy-store.ts', import.meta.url))
  const seed = String(Math.floor(random() * 2 ** 32))
  const args = ['--conditions=@caskade/source', program, name, path, String(QUOTA_BYTES), seed]
  const worker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of linesOf(worker)) if (line === 'ready') return worker
  throw new Error('the process ended before it was ready')
}

async function stopWorker(worker: ChildProcess): Promise<Counts> {
  worker.kill('SIGTERM')
  for await (const line of linesOf(worker)) return JSON.parse(line) as Counts
  throw new Error('the process ended without a word')
}

async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<string, void, undefined> {
  if (stdout === null) return
  const lines = createInterface({ input: stdout })
  try {
    for await (const line of lines) yield line
  } finally {
    lines.close()
  }
}

/** Everything that is listed is whole. */
async function expectWhole(name: string, path: string): Promise<void> {
  const { storage } = await localBackend(name, { path, maxBytes: QUOTA_BYTES })
  await storage.start()
  let blobs = 0
  for await (const { digest } of storage.listBlobs()) {
    expect(await storage.checkBlob(digest)).toBe('whole')
    blobs += 1
  }
  expect(blobs).toBeGreaterThan(100)
  await storage.stop()
}

function inMebibytes(bytes: number): number {
  return Math.round(bytes / MEBIBYTE)
}
