import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { costOnDisk, openStore } from './stores.fixture.ts'

const MAX_BYTES = 2_000_000
const script = fileURLToPath(new URL('sharing-process.fixture.ts', import.meta.url))

let path: string

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(path, { recursive: true }))

function start(seed: number, writes: number): ChildProcess {
  const args = ['--conditions=@caskade/source', script, path, String(MAX_BYTES), String(seed), String(writes)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function outcomeOf({ stdout }: ChildProcess): Promise<{ written: number; wrong: number }> {
  return JSON.parse(await text(stdout!)) as { written: number; wrong: number }
}

test('processes that share a folder never exceed the quota together, nor after one of them was killed', async () => {
  const steady = [start(1_000_000, 60), start(2_000_000, 60)]
  const mortal = start(3_000_000, 100_000)
  const over = new AbortController()
  const outcomes = Promise.all(steady.map(outcomeOf)).finally(() => over.abort())
  let [most, looksAtAll] = [0, 0]

  while (!over.signal.aborted) {
    most = Math.max(most, await untilThere(() => costOnDisk(path)))
    if ((await untilThere(() => readdirSync(join(path, 'ledgers')))).length === 3) looksAtAll += 1
    if (looksAtAll === 20) mortal.kill('SIGKILL')
  }
  mortal.kill('SIGKILL')
  if (mortal.exitCode === null && mortal.signalCode === null) await once(mortal, 'exit')

  const [first, second] = await outcomes
  expect([first?.wrong, second?.wrong]).toEqual([0, 0])
  expect((first?.written ?? 0) + (second?.written ?? 0)).toBeGreaterThan(300)
  expect(most).toBeGreaterThan(MAX_BYTES / 2)
  expect(most).toBeLessThanOrEqual(MAX_BYTES)
  await using opened = await openStore({ path, maxBytes: MAX_BYTES })
  const { accounts, owner } = opened.store.running
  expect(readdirSync(join(path, 'tmp')).toSorted()).toEqual([owner.id, `${owner.id}.owner`])
  expect(readdirSync(join(path, 'ledgers'))).toEqual([`${owner.id}.ledger`])
  expect(accounts.usedBytes).toBeGreaterThanOrEqual(costOnDisk(path))
  expect(accounts.usedBytes).toBeLessThanOrEqual(costOnDisk(path) + 16 * accounts.chunkBytes)
  for await (const { digest } of opened.storage.listBlobs()) {
    expect(await opened.storage.checkBlob(digest)).toBe('whole')
  }
})

/** Adds up again what changed while it was being added up. Others get their turn first. */
async function untilThere<Result>(addUp: () => Result): Promise<Result> {
  for (;;) {
    await setImmediate()
    try {
      return addUp()
    } catch {
      // A file or a folder was removed meanwhile.
    }
  }
}
