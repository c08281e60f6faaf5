import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BlockingReads } from './blocking-reads.ts'
import { nodeBlockingReads } from './blocking-reads.ts'
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

  stat(): null {
    this.count += 1
    this.nowMs += this.takesMs
    return null
  }

  read(): number {
    this.stat()
    return 0
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
  const quick = new QuickReads(nodeBlockingReads, () => 0)
  const [part, all] = [Buffer.alloc(3), Buffer.alloc(20)]

  expect(quick.stat(path)).toMatchObject({ sizeBytes: 7, links: 1 })
  expect(quick.read(path, part, 2)).toBe(3)
  expect(quick.read(path, all, 0)).toBe(7)

  expect(part.toString()).toBe('nte')
  expect(all.toString('utf8', 0, 7)).toBe('content')
})

test('an absent file is an answer, whatever else goes wrong is none', async () => {
  await writeFile(join(directory, 'file'), '')
  const quick = new QuickReads(nodeBlockingReads, () => 0)

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

  expect(quickAnswers(new QuickReads(reads, () => reads.nowMs))).toBe(1000)
})

test('after one that was very slow, none is tried for twenty times as long', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, () => reads.nowMs)
  reads.takesMs = 10.1

  expect(quickAnswers(quick)).toBe(1)
  reads.nowMs += 9 * 20 - 1
  expect(quick.stat('file')).toBe(undefined)
  reads.nowMs += 2
  expect(quick.stat('file')).toBe(null)

  expect(reads.count).toBe(2)
})

test('while each is a little slow, they make up a twentieth of the time', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(reads, () => reads.nowMs)
  reads.takesMs = 0.6
  const [startedAt, waitedBefore] = [reads.nowMs, reads.count]

  while (reads.nowMs < startedAt + 10_000) if (quick.stat('file') === undefined) reads.nowMs += 1

  const waitedMs = (reads.count - waitedBefore) * 0.5
  expect(waitedMs).toBeGreaterThan(10_000 / 25)
  expect(waitedMs).toBeLessThan(10_000 / 18)
})

/** How many of a thousand reads are answered that are made together, each of which takes as long as `takesMs` says. */
function answersTogether(reads: SlowReads, readDelayMs: () => number | undefined): number {
  const quick = new QuickReads(reads, () => reads.nowMs, readDelayMs)
  let count = 0
  quick.together(() => {
    count = quickAnswers(quick)
  })
  return count
}

test('those that take long because others have the processor are answered without end', () => {
  const reads = new SlowReads()
  reads.takesMs = 10

  expect(answersTogether(reads, () => reads.count * 9.95)).toBe(1000)
})

test.each([
  ['others had the processor for a part of it', (reads: SlowReads) => reads.count * 5],
  ['others had it before', () => 1_000_000],
  ['nobody knows whether others had it', () => undefined],
])('those that take long count where %s', (_, readDelayMs) => {
  const reads = new SlowReads()
  reads.takesMs = 10

  expect(answersTogether(reads, () => readDelayMs(reads))).toBe(1)
})

test('that others have had the processor is no excuse for a read that is made by itself', () => {
  const reads = new SlowReads()
  const quick = new QuickReads(
    reads,
    () => reads.nowMs,
    () => reads.count * 10,
  )
  quick.together(() => expect(quick.stat('file')).toBe(null))
  reads.takesMs = 10

  expect(quickAnswers(quick)).toBe(1)
})

test('a file is looked at with less once its folder was seen', async () => {
  await writeFile(join(directory, 'file'), 'content')
  const quick = new QuickReads(nodeBlockingReads, () => 0)

  expect(quick.stat(join(directory, 'file'), true)).toMatchObject({ sizeBytes: 7 })
  expect(quick.stat(join(directory, 'absent'), true)).toBe(null)
  expect(quick.stat(`${directory}/.`)).toMatchObject({ inode: quick.stat(directory)?.inode })
  expect(quick.stat(`${directory}/absent/.`)).toBe(null)
  expect(quick.stat(`${directory}/file/.`)).toBe(undefined)
})
