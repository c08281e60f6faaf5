import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BlobReader } from '../blob-reader.ts'
import { digestOf } from '../hashing.ts'
import type { StorageError } from '../storage-error.ts'
import type { OpenFile } from './file-operations.ts'
import { nodeFiles } from './file-operations.ts'
import { readerFromVerifiedFile } from './verified-file-reader.ts'
import { VerifiedFiles } from './verified-files.ts'

const content = randomBytes(700_000)
const digest = digestOf(content)
const damagedContent = Buffer.from(content)
damagedContent[350_000] = (damagedContent[350_000] ?? 0) ^ 1

/** Long before any test. */
const WRITTEN_AT = 1_700_000_000

let directory: string
let path: string
let verified: VerifiedFiles
let damage: StorageError[]
let releaseCount: number
let file: OpenFile

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caskade-verified-'))
  path = join(directory, 'file')
  verified = new VerifiedFiles()
  damage = []
  releaseCount = 0
  await writeAt(content, WRITTEN_AT)
})

afterEach(() => rm(directory, { recursive: true }))

async function writeAt(bytes: Uint8Array, seconds: number): Promise<void> {
  await writeFile(path, bytes)
  await utimes(path, seconds, seconds)
}

async function open(alwaysHashes = false): Promise<BlobReader> {
  file = await nodeFiles.open(path, 'read')
  return readerFromVerifiedFile(file, digest, await file.stat(), {
    verified,
    alwaysHashes,
    onCorrupt: (error) => void damage.push(error),
    async release() {
      releaseCount += 1
      await file.close()
    },
  })
}

/** Reads chunk by chunk, and does something after the first. */
async function readChunks(reader: BlobReader, afterFirst?: () => Promise<void>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of reader) {
    chunks.push(chunk)
    if (chunks.length === 1) await afterFirst?.()
  }
  return Buffer.concat(chunks)
}

const ways: Readonly<Record<string, (reader: BlobReader) => Promise<Uint8Array>>> = {
  'in chunks': readChunks,
  whole: (reader) => reader.bytes(),
}

describe.each(Object.entries(ways))('a file that is read %s', (_, read) => {
  test('is hashed the first time, and not again while nobody has written to it', async () => {
    await read(await open())
    await writeAt(damagedContent, WRITTEN_AT)

    // Nobody but this test writes to a file and takes the time back.
    expect(damagedContent.equals(await read(await open()))).toBe(true)

    await expect(read(await open(true))).rejects.toMatchObject({ code: 'corrupt' })
    expect(damage).toHaveLength(1)
    expect(releaseCount).toBe(3)
  })

  test('is hashed again when it was written to', async () => {
    await read(await open())
    await writeAt(damagedContent, WRITTEN_AT + 1)

    await expect(read(await open())).rejects.toMatchObject({ code: 'corrupt' })

    expect(damage).toHaveLength(1)
  })
})

describe('a file that was verified before', () => {
  beforeEach(async () => {
    await readChunks(await open())
  })

  test('and is written to while it is read never delivers its last chunk', async () => {
    let delivered = 0
    const reading = async (): Promise<void> => {
      for await (const chunk of await open()) {
        if (delivered === 0) await writeAt(damagedContent, WRITTEN_AT + 1)
        delivered += chunk.byteLength
      }
    }

    await expect(reading()).rejects.toMatchObject({ code: 'corrupt' })

    expect(delivered).toBeLessThan(content.byteLength)
    expect(damage).toHaveLength(1)
    expect(releaseCount).toBe(2)
  })

  test.each(Object.entries(ways))('and is cut short is damaged: read %s', async (_, read) => {
    const reader = await open()
    await truncate(path, 600_000)

    await expect(read(reader)).rejects.toMatchObject({ code: 'corrupt' })

    expect(damage).toHaveLength(1)
    expect(releaseCount).toBe(2)
  })

  test('and gets another time while it is read is hashed, and delivered', async () => {
    const touch = (): Promise<void> => utimes(path, WRITTEN_AT, WRITTEN_AT + 1)

    expect(content.equals(await readChunks(await open(), touch))).toBe(true)

    expect(damage).toEqual([])
    expect(verified.has(digest, await nodeFiles.stat(path))).toBe(true)
  })

  test('and is left half-way is released', async () => {
    for await (const _ of await open()) break

    expect(releaseCount).toBe(2)
    await expect(file.stat()).rejects.toMatchObject({ code: 'not-running' })
  })
})
