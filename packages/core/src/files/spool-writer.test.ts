import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OpenFile } from './file-operations.ts'
import { nodeFiles } from './file-operations.ts'
import { SpoolWriter } from './spool-writer.ts'

let directory: string
let file: OpenFile

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-spool-'))
  file = await nodeFiles.open(join(directory, 'out'), 'create')
})

afterEach(async () => {
  await file.close()
  rmSync(directory, { recursive: true })
})

describe('SpoolWriter', () => {
  test('writes every chunk in order, whatever becomes of its memory afterwards', async () => {
    const writer = new SpoolWriter(file)
    const expected: Buffer[] = []
    const sizes = [0, 1, 16_384, 262_144, 100_000, 1_000_000, 3, 262_143, 262_145]

    for (let round = 0; round < 5; round++) {
      for (const size of sizes) {
        const chunk = Buffer.alloc(size, expected.length)
        expected.push(Buffer.from(chunk))
        await (expected.length % 7 === 0 ? writer.writeThrough([chunk]) : writer.append(chunk))
        chunk.fill(0xff)
      }
    }
    await writer.flush()

    expect((await readFile(join(directory, 'out'))).equals(Buffer.concat(expected))).toBe(true)
  })

  test('fails when a write before has failed, each time it is asked', async () => {
    const failure = new Error('EIO')
    const broken: OpenFile = Object.assign(Object.create(file) as OpenFile, { write: () => Promise.reject(failure) })
    const writer = new SpoolWriter(broken)
    await writer.append(Buffer.alloc(262_144))

    await expect(writer.append(Buffer.alloc(262_144))).rejects.toBe(failure)
    await expect(writer.append(Buffer.alloc(1))).rejects.toBe(failure)
    await expect(writer.flush()).rejects.toBe(failure)
  })
})
