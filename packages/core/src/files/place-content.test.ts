import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BlobSource } from '../blob-source.ts'
import { sourceFromBytes } from '../blob-source.ts'
import { digestOf } from '../hashing.ts'
import type { FileOperations } from './file-operations.ts'
import { nodeFiles } from './file-operations.ts'
import { toSeconds } from './file-stat.ts'
import { placeContent } from './place-content.ts'

const CONTENT = Buffer.from('content')
const DIGEST = digestOf(CONTENT)

let directory: string
let path: string
let source: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-place-'))
  path = join(directory, 'placed')
  source = join(directory, 'source')
  writeFileSync(source, CONTENT)
})

afterEach(() => rmSync(directory, { recursive: true }))

const attempt = <Result>(operation: Promise<Result>): Promise<Result> => operation

function place(from: BlobSource, files: FileOperations = nodeFiles, timeUs?: number): Promise<void> {
  const beforeSync =
    timeUs === undefined
      ? undefined
      : (file: { setModified: (us: number) => Promise<void> }) => file.setModified(timeUs)
  return placeContent(path, DIGEST, from, { files, attempt, beforeSync })
}

const linked = (): BlobSource => ({ ...sourceFromBytes(CONTENT), filePath: source })

describe('placeContent', () => {
  test('links the file of the source', async () => {
    await place(linked())

    expect(statSync(path).ino).toBe(statSync(source).ino)
  })

  test.each(['EXDEV', 'EPERM', 'EMLINK', 'ENOENT'])('copies what cannot be linked (%s)', async (code) => {
    const link = (): Promise<void> => Promise.reject(Object.assign(new Error(code), { code }))

    await place(linked(), { ...nodeFiles, link })

    expect(readFileSync(path)).toEqual(CONTENT)
    expect(statSync(path).ino).not.toBe(statSync(source).ino)
  })

  test('copies what can be linked but belongs to somebody else', async () => {
    const open: FileOperations['open'] = async (name, mode) => {
      const file = await nodeFiles.open(name, mode)
      if (mode === 'read') {
        file.setModified = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM' }))
      }
      return file
    }

    await place(linked(), { ...nodeFiles, open }, 1_700_000_000_123_456)

    expect(statSync(path).ino).not.toBe(statSync(source).ino)
    expect((await nodeFiles.stat(path)).modifiedUs).toBe(1_700_000_000_123_456)
  })

  test.each([true, false])('replaces what is there, without writing to it (linked: %s)', async (isLinked) => {
    writeFileSync(path, 'other')
    const other = join(directory, 'other')
    await nodeFiles.link(path, other)

    await place(isLinked ? linked() : sourceFromBytes(CONTENT))

    expect(readFileSync(path)).toEqual(CONTENT)
    expect(readFileSync(other, 'utf8')).toBe('other')
  })

  test('leaves nothing of a source that is too short, or of a file of another size', async () => {
    writeFileSync(source, 'longer than that')

    await expect(place(linked())).rejects.toMatchObject({ code: 'invalid-argument' })
    const short = { sizeBytes: CONTENT.length, open: () => sourceFromBytes(CONTENT.subarray(1)).open() }
    await expect(place(short)).rejects.toMatchObject({ code: 'invalid-argument' })

    expect(readdirSync(directory)).toEqual(['source'])
  })

  test.each(['sizeBytes', 'sync'] as const)('closes the file when %s fails', async (method) => {
    let [opened, closed] = [0, 0]
    const open: FileOperations['open'] = async (name, mode) => {
      const file = await nodeFiles.open(name, mode)
      opened += 1
      const close = file.close.bind(file)
      const broken = (): Promise<never> => Promise.reject(new Error('broken'))
      file[method] = broken
      file.close = async () => {
        closed += 1
        await close()
      }
      return file
    }

    await expect(place(linked(), { ...nodeFiles, open })).rejects.toThrow('broken')

    expect(closed).toBe(opened)
    expect(opened).toBeGreaterThan(0)
  })
})

test('times of files are kept to the microsecond', async () => {
  for (const timeUs of [0, 1, 999_999, 1_700_000_000_000_000, 1_763_866_401_234_567, 4_102_444_800_999_999]) {
    await nodeFiles.setModified(source, timeUs)
    expect((await nodeFiles.stat(source)).modifiedUs).toBe(timeUs)
    expect(Math.floor(toSeconds(timeUs) * 1e6)).toBe(timeUs)
  }
})
