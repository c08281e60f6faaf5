import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { BlobReader, BlobSource, SourceOptions } from './index.ts'
import { collectSource, digestOf, readerFromChunks, WriteSession } from './index.ts'

const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251))

/** A source that delivers parts of so many bytes, each in a buffer that is made for it. */
function sourceOf(parts: readonly number[], place: (part: Buffer, options: SourceOptions) => Uint8Array): BlobSource {
  function* chunks(options: SourceOptions): Generator<Uint8Array, void, undefined> {
    let position = 0
    for (const sizeBytes of parts) {
      yield place(CONTENT.subarray(position, position + sizeBytes), options)
      position += sizeBytes
    }
  }
  return {
    sizeBytes: CONTENT.byteLength,
    open: (options = {}): BlobReader => readerFromChunks(CONTENT.byteLength, chunks(options), options),
  }
}

/** Puts a part to the beginning of a buffer that is lent. */
function inLentBuffer(part: Uint8Array, { buffers }: SourceOptions, sizeBytes = part.byteLength): Uint8Array {
  const buffer = buffers?.take(sizeBytes) ?? Buffer.alloc(sizeBytes)
  buffer.set(part)
  return buffer.subarray(0, part.byteLength)
}

describe('collectSource', () => {
  test('lends a source the place where its content belongs', async () => {
    const chunks: Uint8Array[] = []
    const source = sourceOf([300, 300, 400], (part, options) => {
      const chunk = inLentBuffer(part, options)
      chunks.push(chunk)
      return chunk
    })

    const bytes = await collectSource(source, digestOf(CONTENT))

    expect(CONTENT.equals(bytes)).toBe(true)
    expect(chunks.map(({ buffer }) => buffer === bytes.buffer)).toEqual([true, true, true])
  })

  test.each([
    ['has buffers of its own', (part: Buffer) => part],
    ['fills lent buffers in part', (part: Buffer, options: SourceOptions) => inLentBuffer(part, options, 400)],
    [
      'has some of its own',
      (part: Buffer, options: SourceOptions) => (part.byteLength === 300 ? part : inLentBuffer(part, options)),
    ],
    ['asks for more than there is', (part: Buffer, options: SourceOptions) => inLentBuffer(part, options, 2000)],
  ])('gathers the content of a source that %s', async (_, place) => {
    const source = sourceOf([100, 300, 200, 300, 100], place)

    const bytes = await collectSource(source, digestOf(CONTENT))

    expect(CONTENT.equals(bytes)).toBe(true)
  })

  test('reads the file of a session, once and again', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'caskade-source-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    await using session = new WriteSession({ directory })
    const content = Buffer.concat(Array.from({ length: 3001 }, () => CONTENT))
    await session.write(content)
    const digest = await session.finish()

    const [first, second] = [await collectSource(session, digest), await collectSource(session, digest)]

    expect(session.filePath).toBeDefined()
    expect(content.equals(first)).toBe(true)
    expect(content.equals(second)).toBe(true)
    expect(first.buffer).not.toBe(second.buffer)
  })
})
