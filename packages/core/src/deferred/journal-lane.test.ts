import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { nodeFiles } from '../files/file-operations.ts'
import type { FileOperations } from '../files/file-operations.ts'
import type { Digest } from '../digest.ts'
import { digestOf } from '../hashing.ts'
import { JournalLane } from './journal-lane.ts'
import type { EntryHeader } from './journal-record.ts'
import type { LiveRecord } from './live-record.ts'

const MEBIBYTE = 1024 * 1024

/** Above so much a journal that is mostly not needed is compacted, and what is above it at most: the newest segment. */
const MOST_BYTES = (64 + 16 + 1) * MEBIBYTE

let parent: string

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'caskade-lane-'))
})

afterEach(() => rmSync(parent, { recursive: true }))

function bytesOnDisk(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0)
}

function references(count: number): Digest[] {
  return Array.from({ length: count }, (_, index) => digestOf(Buffer.from(String(index))))
}

function append(
  lane: JournalLane,
  content: Uint8Array,
  refers: readonly Digest[] = [],
): Promise<LiveRecord<EntryHeader>> {
  const id = lane.takeId()
  const key = { namespace: 'n', key: `key ${id}` }
  return lane.append(
    { type: 'entry', id, key, references: refers, metadata: {}, ifAbsent: false, acceptedAt: 0 },
    content,
  )
}

describe('a journal of which little is needed', () => {
  test.each([
    ['contents', 64 * 1024, 0],
    ['headers', 10, 600],
  ])(
    'stays short, and keeps what is needed, when its records are mostly %s',
    async (_, contentBytes, referenceCount) => {
      const lane = await JournalLane.create(parent, nodeFiles)
      const refers = references(referenceCount)
      const needed = [await append(lane, Buffer.from('the first'), refers), await append(lane, Buffer.from('second'))]
      let most = 0
      for (let round = 0; round < 60; round++) {
        const records = await Promise.all(
          Array.from({ length: 40 }, () => append(lane, Buffer.alloc(contentBytes, round), refers)),
        )
        await Promise.all(records.map((record) => lane.settle(record)))
        most = Math.max(most, bytesOnDisk(lane.directory))
      }
      await lane.close()

      const opened = await JournalLane.open(lane.directory, nodeFiles)

      expect(most).toBeGreaterThan(48 * MEBIBYTE)
      expect(most).toBeLessThan(MOST_BYTES)
      expect(opened.live.map(({ header }) => header.id)).toEqual(needed.map(({ header }) => header.id))
      const contents = await Promise.all(opened.live.map((record) => opened.readContent(record)))
      expect(contents.map(String)).toEqual(['the first', 'second'])
      await opened.close()
    },
  )
})

test('a segment that cannot be removed is removed later', async () => {
  let failures = 0
  const files: FileOperations = {
    ...nodeFiles,
    async unlink(path) {
      if (failures++ === 0) throw Object.assign(new Error('EIO: i/o error, unlink'), { code: 'EIO' })
      await nodeFiles.unlink(path)
    },
  }
  const lane = await JournalLane.create(parent, files)
  const counts: number[] = []
  for (let round = 0; round < 20; round++) {
    const records = await Promise.all(Array.from({ length: 40 }, () => append(lane, Buffer.alloc(64 * 1024))))
    await Promise.all(records.map((record) => lane.settle(record)))
    counts.push(readdirSync(lane.directory).length)
  }
  await lane.close()

  expect(failures).toBeGreaterThan(1)
  expect(Math.max(...counts)).toBeGreaterThan(1)
  expect(counts.at(-1)).toBeLessThanOrEqual(2)
})
