import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { FileOperations } from './files/index.ts'
import { nodeFiles } from './files/index.ts'
import { createDigest, digestOf, MemoryBudget, SpoolBudget, WriteSession } from './index.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caskade-session-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function writeInChunks(session: WriteSession, content: Buffer, chunkBytes: number): Promise<void> {
  for (let at = 0; at < content.byteLength; at += chunkBytes) await session.write(content.subarray(at, at + chunkBytes))
}

describe('WriteSession', () => {
  test.each([
    [0, 100, 1],
    [100, 1000, 1],
    [5000, 1000, 7],
    [3_000_000, 1000, 16_384],
    [3_000_000, 1_000_000, 300_000],
  ])('collects %i bytes with %i in memory, in chunks of %i', async (size, maxMemoryBytes, chunkBytes) => {
    const content = Buffer.alloc(size, 'content ')
    await using session = new WriteSession({ directory, maxMemoryBytes })

    await writeInChunks(session, content, chunkBytes)
    const digest = await session.finish()

    expect(digest).toEqual(digestOf(content))
    expect(session.sizeBytes).toBe(size)
    for (let round = 0; round < 2; round++) expect(content.equals(await session.open().bytes())).toBe(true)
    expect(session.filePath === undefined).toBe(size <= maxMemoryBytes)
    const inFile = session.filePath === undefined ? content : await readFile(session.filePath)
    expect(content.equals(inFile)).toBe(true)
  })

  test('removes its file when it is disposed, finished or not', async () => {
    for (const isFinished of [true, false]) {
      const session = new WriteSession({ directory, maxMemoryBytes: 10 })
      await writeInChunks(session, Buffer.alloc(1_000_000), 100_000)
      if (isFinished) await session.finish()
      expect(await readdir(directory)).toHaveLength(1)

      await session[Symbol.asyncDispose]()
      await session[Symbol.asyncDispose]()

      expect(await readdir(directory)).toEqual([])
    }
  })

  test('sessions that share a budget keep no more than it in memory, and give back what they had', async () => {
    const memoryBudget = new MemoryBudget(1000)
    const open = (): WriteSession => new WriteSession({ directory, memoryBudget })
    const content = Buffer.alloc(600, 'content ')
    const [first, second] = [open(), open()]
    for (const session of [first, second]) await writeInChunks(session, content, 100)
    for (const session of [first, second]) await session.finish()

    expect([first.filePath === undefined, second.filePath === undefined]).toEqual([true, false])
    for (const session of [first, second]) {
      expect(content.equals(await session.open().bytes())).toBe(true)
      await session[Symbol.asyncDispose]()
    }
    await using third = open()
    await writeInChunks(third, Buffer.alloc(1000), 100)
    await third.finish()
    expect(third.filePath).toBeUndefined()
  })

  test('files of sessions that share a budget take no more than it, and give back what they had', async () => {
    const spoolBudget = new SpoolBudget(1000)
    const open = (): WriteSession => new WriteSession({ directory, spoolBudget, maxMemoryBytes: 100 })
    await using small = open()
    await small.write(Buffer.alloc(100))
    const first = open()
    await first.write(Buffer.alloc(300))
    await first.write(Buffer.alloc(300))
    await using second = open()
    await second.write(Buffer.alloc(400))

    await expect(second.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'unavailable' })
    await expect(open().write(Buffer.alloc(101))).rejects.toMatchObject({ code: 'unavailable' })
    await first[Symbol.asyncDispose]()
    await first[Symbol.asyncDispose]()
    await second.write(Buffer.alloc(600))

    await expect(second.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('a session that writes to its file gathers nothing that is not in the budget', async () => {
    const memoryBudget = new MemoryBudget(1000)
    await using session = new WriteSession({ directory, memoryBudget })

    await writeInChunks(session, Buffer.alloc(10_000), 600)

    const [name = ''] = await readdir(directory)
    expect((await readFile(join(directory, name))).byteLength).toBeGreaterThanOrEqual(9000)
  })

  test('refuses content beyond maxBytes', async () => {
    await using session = new WriteSession({ directory, maxBytes: 10 })
    await session.write(Buffer.alloc(10))

    await expect(session.write(Buffer.alloc(1))).rejects.toMatchObject({ code: 'too-large' })
  })

  test('finishAs accepts the digest of the content and no other', async () => {
    await using session = new WriteSession({ directory })
    await session.write(Buffer.from('hello'))

    await session.finishAs(digestOf(Buffer.from('hello')))
    await expect(session.finishAs(createDigest('a'.repeat(64), 5))).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test('cannot be read before it is finished, written after it, or read once it is disposed', async () => {
    const session = new WriteSession({ directory })
    await session.write(Buffer.from('hello'))
    expect(() => session.open()).toThrow(/finish\(\) it first/)
    await session.finish()
    await expect(session.write(Buffer.from('x'))).rejects.toMatchObject({ code: 'invalid-argument' })

    await session[Symbol.asyncDispose]()

    expect(() => session.open()).toThrow(/disposed/)
  })

  test('says no-space when the disk is full, and leaves nothing', async () => {
    const session = new WriteSession({ directory, maxMemoryBytes: 10, files: fullDisk() })

    await expect(
      (async () => {
        await writeInChunks(session, Buffer.alloc(2_000_000), 100_000)
        await session.finish()
      })(),
    ).rejects.toMatchObject({ code: 'no-space' })

    await session[Symbol.asyncDispose]()
    expect(await readdir(directory)).toEqual([])
  })

  test('is done with a chunk once it does not keep chunks any more', async () => {
    const content = randomBytes(2_000_000)
    await using session = new WriteSession({ directory, maxMemoryBytes: 100_000 })
    const kept: boolean[] = []

    for (let at = 0; at < content.byteLength; at += 50_000) {
      const chunk = Buffer.from(content.subarray(at, at + 50_000))
      await session.write(chunk)
      kept.push(session.keepsChunks)
      if (!session.keepsChunks) chunk.fill(0)
    }
    await session.finishAs(digestOf(content))

    expect(kept.indexOf(false)).toBe(2)
    expect(content.equals(await session.open().bytes())).toBe(true)
  })

  test('is not fooled by chunks that change after they were hashed and copied', async () => {
    const chunk = Buffer.from('small')
    await using session = new WriteSession({ directory })
    await session.write(chunk)

    chunk.fill(0)

    await session.finish()
    expect(String(await session.open().bytes())).toBe('small')
  })
})

function fullDisk(): FileOperations {
  return {
    ...nodeFiles,
    async open(path, mode) {
      const file = await nodeFiles.open(path, mode)
      return {
        read: (buffer, position) => file.read(buffer, position),
        write: () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })),
        sync: () => file.sync(),
        sizeBytes: () => file.sizeBytes(),
        stat: () => file.stat(),
        setModified: (timeUs) => file.setModified(timeUs),
        close: () => file.close(),
      }
    },
  }
}
