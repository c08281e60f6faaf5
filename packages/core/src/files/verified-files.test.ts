import { expect, test } from 'vitest'
import { createDigest } from '../digest.ts'
import type { FileStat } from './file-stat.ts'
import { VerifiedFiles } from './verified-files.ts'

const NOW = 1_800_000_000_000

const digest = digestNumbered(1)
const stat: FileStat = { sizeBytes: 5, inode: 7, links: 1, modifiedUs: (NOW - 1000) * 1000, changedMs: NOW }

function digestNumbered(number: number): ReturnType<typeof createDigest> {
  return createDigest(number.toString(16).padStart(64, '0'), 5)
}

function remember(): { readonly files: VerifiedFiles; readonly clock: { elapsedMs: number } } {
  const clock = { elapsedMs: 0 }
  return { clock, files: new VerifiedFiles({ now: () => NOW, elapsedMs: () => clock.elapsedMs }) }
}

test('a file that was found whole is so for a minute', () => {
  const { files, clock } = remember()
  expect(files.has(digest, stat)).toBe(false)

  files.add(digest, stat)

  clock.elapsedMs = 59_999
  expect(files.has(digest, stat)).toBe(true)
  expect(files.has(digestNumbered(2), stat)).toBe(false)
  clock.elapsedMs = 60_000
  expect(files.has(digest, stat)).toBe(false)
  files.add(digest, stat)
  expect(files.has(digest, stat)).toBe(true)
})

test.each([{ inode: 8 }, { sizeBytes: 6 }, { modifiedUs: stat.modifiedUs + 1 }])(
  'one that is another since, or was written to, is not: %o',
  (change) => {
    const { files } = remember()

    files.add(digest, stat)

    expect(files.has(digest, { ...stat, ...change })).toBe(false)
  },
)

test('other names of a file, and when it was given them, do not matter', () => {
  const { files } = remember()

  files.add(digest, stat)

  expect(files.has(digest, { ...stat, links: 2, changedMs: NOW + 1 })).toBe(true)
})

test('a file that was written to within the last second is not remembered, nor what was known of it before', () => {
  const { files } = remember()
  const written = { ...stat, modifiedUs: (NOW - 999) * 1000 }
  files.add(digest, stat)

  files.add(digest, written)

  expect(files.has(digest, written)).toBe(false)
  expect(files.has(digest, stat)).toBe(false)
})

test('no more than ten thousand are remembered, those that were verified last', () => {
  const { files } = remember()

  for (let number = 0; number <= 10_000; number++) files.add(digestNumbered(number), stat)

  expect(files.has(digestNumbered(0), stat)).toBe(false)
  expect(files.has(digestNumbered(1), stat)).toBe(true)
  expect(files.has(digestNumbered(10_000), stat)).toBe(true)
})
