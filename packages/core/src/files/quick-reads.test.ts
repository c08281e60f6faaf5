import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BlockingReads, FileRead } from './blocking-reads.ts'
import { nodeBlockingReads } from './blocking-reads.ts'
import { nodeFiles } from './file-operations.ts'
import { processorDelayMs } from './processor-delay.ts'
import { QuickReads } from './quick-reads.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caskade-quick-'))
})

afterEach(() => rm(directory, { recursive: true }))

/** Reads of which each takes as long as `takesMs` says, by a clock that nothing else moves. */
class SlowReads implements BlockingReads {
  nowMs = 1000
  takesMs = 0
  count = 0
  /** How much of it others have the processor; undefined where the system does not tell. */
  delayedMs: number | undefined = 0
  #allDelaysMs = 0

  readonly now = (): number => this.nowMs
  readonly delayMs = (): number | undefined => (this.delayedMs === undefined ? undefined : this.#allDelaysMs)

  stat(): null {
    this.count += 1
    this.nowMs += this.takesMs
    this.#allDelaysMs += this.delayedMs ?? 0
    return null
  }

  read(): FileRead {
    this.stat()
    return { bytesRead: 0, stat: { sizeBytes: 0, inode: 1, links: 1, modifiedUs: 0, changedMs: 0 } }
  }
}

/** Asks again and again until there is no quick answer, or a thousand were given; returns how many there were. */
function quickAnswers(quick: QuickReads): number {
  for (let count = 0; count < 1000; count++) if (quick.stat('file') === undefined) return count
  return 1000
}

test('a file is looked at and read, from its middle as well, to its end and no further', async () => {
  const path = join(directory, 'file')
  await writeFile(path, 'content')
  const quick = new QuickReads(nodeBlockingReads)
  const [part, all] = [Buffer.alloc(3), Buffer.alloc(20)]

  expect(quick.stat(path)).toMatchObject({ sizeBytes: 7, links: 1 })
  expect(quick.read(path, part, 2)).toMatchObject({ bytesRead: 3, stat: { sizeBytes: 7, links: 1 } })
  expect(quick.read(path, all, 0)).toMatchObject({ bytesRead: 7 })

  expect(part.toString()).toBe('nte')
  expect(all.toString('utf8', 0, 7)).toBe('content')
})

test.runIf(process.platform === 'linux')('a file whose size says nothing is read to its end', async () => {
  const path = '/proc/self/cmdline'
  const content = await readFile(path)
  const buffer = Buffer.alloc(content.byteLength + 10)

  const read = new QuickReads(nodeBlockingReads).read(path, buffer, 0)

  expect(read).toMatchObject({ bytesRead: content.byteLength, stat: { sizeBytes: 0 } })
  expect(content.equals(buffer.subarray(0, content.byteLength))).toBe(true)
})

test('an absent file is an answer, whatever else goes wrong is none', async () => {
  await writeFile(join(directory, 'file'), '')
  const quick = new QuickReads(nodeBlockingReads)

  expect(quick.stat(join(directory, 'absent'))).toBe(null)
  expect(quick.stat(join(directory, 'absent', 'folder', 'file'))).toBe(null)
  expect(quick.read(join(directory, 'absent'), Buffer.alloc(1), 0)).toBe(undefined)
  expect(quick.read(directory, Buffer.alloc(1), 0)).toBe(undefined)
  for (const path of [
    join(directory, 'file', 'x'),
    join(directory, 'file', 'x', 'y'),
    `${directory}/${'n'.repeat(300)}`,
  ]) {
    expect(quick.stat(path)).toBe(undefined)
  }
  expect(new QuickReads(undefined).stat(directory)).toBe(undefined)
})

test('reads that are quick are answered without end', () => {
  const reads = new SlowReads()
  reads.takesMs = 0.05

  expect(quickAnswers(new QuickReads(reads, reads))).toBe(1000)
})

test('after one that was very slow, none is tried for twenty times what it took beyond the allowance', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, reads)
  reads.takesMs = 19.1

  expect(quickAnswers(quick)).toBe(1)
  reads.nowMs += 9 * 20 - 1
  expect(quick.stat('file')).toBe(undefined)
  reads.nowMs += 2
  expect(quick.stat('file')).toBe(null)

  expect(reads.count).toBe(2)
})

test('while each is a little slow, they make up a twentieth of the time', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, reads)
  reads.takesMs = 0.6
  const [startedAt, waitedBefore] = [reads.nowMs, reads.count]

  while (reads.nowMs < startedAt + 10_000) if (quick.stat('file') === undefined) reads.nowMs += 1

  const waitedMs = (reads.count - waitedBefore) * 0.5
  expect(waitedMs).toBeGreaterThan(10_000 / 25)
  expect(waitedMs).toBeLessThan(10_000 / 18)
})

test('what takes long because others have the processor has not waited, but for the first', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, reads)
  Object.assign(reads, { takesMs: 13, delayedMs: 12.9 })

  expect(quickAnswers(quick)).toBe(1)
  reads.nowMs += 100
  expect(quickAnswers(quick)).toBe(1000)
  reads.delayedMs = 1
  expect(quickAnswers(quick)).toBe(1)
})

test('how long others had the processor is asked now and then, not for each read', () => {
  const reads = new SlowReads()
  let asked = 0
  const delayMs = (): number | undefined => {
    asked += 1
    return reads.delayMs()
  }
  const quick = new QuickReads(reads, { now: reads.now, delayMs })
  reads.takesMs = 0.2
  quick.stat('file')
  reads.takesMs = 0.01

  expect(quickAnswers(quick)).toBe(1000)
  expect(asked).toBe(10)
})

test('where the system does not tell of others, all of it counts', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, reads)
  Object.assign(reads, { takesMs: 13, delayedMs: undefined })

  expect(quickAnswers(quick)).toBe(1)
  reads.nowMs += 100
  expect(quickAnswers(quick)).toBe(1)
})

test('much to read may take longer', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, reads)
  reads.takesMs = 0.5

  const answers = Array.from({ length: 100 }, () => quick.read('file', Buffer.alloc(1024 ** 2), 0))

  expect(answers).not.toContain(undefined)
})

test('an open file is read from any place, if it can be', async () => {
  const path = join(directory, 'file')
  await writeFile(path, 'content')
  const file = await nodeFiles.open(path, 'read')
  const quick = new QuickReads(nodeBlockingReads)
  const buffer = Buffer.alloc(4)

  expect(quick.readOpen(file, buffer, 3)).toBe(4)
  expect(buffer.toString()).toBe('tent')
  expect(quick.readOpen({ ...file, readBlocking: undefined }, buffer, 3)).toBe(undefined)
  await file.close()
  expect(quick.readOpen(file, buffer, 3)).toBe(undefined)
})

test.runIf(process.platform === 'linux')('the system tells how long others had the processor', () => {
  const before = processorDelayMs()
  const after = processorDelayMs()

  expect(before).toBeGreaterThanOrEqual(0)
  expect(after).toBeGreaterThanOrEqual(before ?? Infinity)
})

test('a file is looked at with less once its folder was seen', async () => {
  await writeFile(join(directory, 'file'), 'content')
  const quick = new QuickReads(nodeBlockingReads, { now: () => 0 })

  expect(quick.stat(join(directory, 'file'), true)).toMatchObject({ sizeBytes: 7 })
  expect(quick.stat(join(directory, 'absent'), true)).toBe(null)
  expect(quick.stat(`${directory}/.`)).toMatchObject({ inode: quick.stat(directory)?.inode })
  expect(quick.stat(`${directory}/absent/.`)).toBe(null)
  expect(quick.stat(`${directory}/file/.`)).toBe(undefined)
})
