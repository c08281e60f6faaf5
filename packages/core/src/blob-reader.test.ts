import { describe, expect, test, vi } from 'vitest'
import type { BlobReader } from './index.ts'
import { createDigest, digestOf, readerFromBytes, readerFromChunks, StorageError, verifiedReader } from './index.ts'

const bytes = Buffer.from('content of a blob')
const chunks = [bytes.subarray(0, 4), bytes.subarray(4, 4), bytes.subarray(4)]

function readers(release?: () => void): Readonly<Record<string, BlobReader>> {
  return {
    bytes: readerFromBytes(bytes, { release }),
    chunks: readerFromChunks(bytes.byteLength, chunks, { release }),
    'chunks that can be had whole': readerFromChunks(bytes.byteLength, chunks, { release, whole: async () => bytes }),
  }
}

async function read(reader: BlobReader): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of reader) parts.push(part)
  return Buffer.concat(parts).toString()
}

describe('a reader over bytes', () => {
  test('has them in memory until it is read, or disposed', async () => {
    const [whole, disposed] = [readerFromBytes(bytes), readerFromBytes(bytes)]
    expect(whole.inMemory).toBe(bytes)
    expect(disposed.inMemory).toBe(bytes)

    await whole.bytes()
    await disposed[Symbol.asyncDispose]()

    expect(whole.inMemory).toBe(undefined)
    expect(disposed.inMemory).toBe(undefined)
  })

  test('is released when it is disposed, whoever took what it has in memory', async () => {
    const release = vi.fn<() => void>()
    const reader = readerFromBytes(bytes, { release })

    expect(reader.inMemory).toBe(bytes)
    expect(release).not.toHaveBeenCalled()
    await reader[Symbol.asyncDispose]()

    expect(release).toHaveBeenCalledTimes(1)
  })
})

describe.each(['bytes', 'chunks', 'chunks that can be had whole'])('a reader over %s', (kind) => {
  function open(release?: () => void): BlobReader {
    const reader = readers(release)[kind]
    if (reader === undefined) throw new Error('no such reader')
    return reader
  }

  test('delivers the same by iterating, as bytes and as a stream', async () => {
    expect(await read(open())).toBe(String(bytes))
    expect(String(await open().bytes())).toBe(String(bytes))
    expect(await new Response(open().stream()).text()).toBe(String(bytes))
  })

  test('releases once: after the last byte', async () => {
    const release = vi.fn<() => void>()
    const reader = open(release)

    await read(reader)
    await reader[Symbol.asyncDispose]()

    expect(release).toHaveBeenCalledTimes(1)
  })

  test('releases once: when it is left early', async () => {
    const release = vi.fn<() => void>()

    for await (const chunk of open(release)) if (chunk.byteLength > 0) break

    expect(release).toHaveBeenCalledTimes(1)
  })

  test('releases once: when it is disposed unread', async () => {
    const release = vi.fn<() => void>()
    const reader = open(release)

    await reader[Symbol.asyncDispose]()
    await reader[Symbol.asyncDispose]()

    expect(release).toHaveBeenCalledTimes(1)
    await expect(read(reader)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test('releases once: when its stream is cancelled before anything was read, or its iterator left', async () => {
    const release = vi.fn<() => void>()

    await open(release).stream().cancel()
    expect(release).toHaveBeenCalledTimes(1)
    await open(release)[Symbol.asyncIterator]().return?.()

    expect(release).toHaveBeenCalledTimes(2)
  })

  test('releases once: when its stream is cancelled', async () => {
    const release = vi.fn<() => void>()
    const stream = open(release).stream().getReader()
    await stream.read()

    await stream.cancel()

    expect(release).toHaveBeenCalledTimes(1)
  })
})

test('a reader over bytes hands them out without a copy', async () => {
  expect(await readerFromBytes(bytes).bytes()).toBe(bytes)
})

test.each([bytes.byteLength - 1, bytes.byteLength + 1])(
  'chunks that do not add up to %i bytes are corrupt',
  async (size) => {
    const release = vi.fn<() => void>()

    await expect(read(readerFromChunks(size, chunks, { release }))).rejects.toMatchObject({ code: 'corrupt' })

    expect(release).toHaveBeenCalledTimes(1)
  },
)

test('an abort reaches a reader whose producer is stuck, releases it, and tells the reason', async () => {
  const release = vi.fn<() => void>()
  const controller = new AbortController()
  async function* stuck(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes
    await new Promise(() => undefined)
  }
  const reader = readerFromChunks(100, stuck(), { release, signal: controller.signal })
  const iterator = reader[Symbol.asyncIterator]()
  await iterator.next()
  const pending = iterator.next()

  const reason = new Error('enough')
  controller.abort(reason)

  await expect(pending).rejects.toBe(reason)
  expect(release).toHaveBeenCalledTimes(1)
})

describe('verifiedReader', () => {
  test('passes on content that matches the digest', async () => {
    const onCorrupt = vi.fn<() => void>()

    const reader = verifiedReader(readerFromChunks(bytes.byteLength, chunks), digestOf(bytes), onCorrupt)

    expect(await read(reader)).toBe(String(bytes))
    expect(onCorrupt).not.toHaveBeenCalled()
  })

  test('holds back the last chunk of other content, reports it, and fails', async () => {
    const onCorrupt = vi.fn<(error: StorageError) => void>()
    const digest = createDigest('a'.repeat(64), bytes.byteLength)
    const reader = verifiedReader(readerFromChunks(bytes.byteLength, chunks), digest, onCorrupt)
    let delivered = 0
    const reading = async (): Promise<void> => {
      for await (const chunk of reader) delivered += chunk.byteLength
    }

    await expect(reading()).rejects.toMatchObject({ code: 'corrupt', digest })

    expect(delivered).toBe(4)
    expect(onCorrupt).toHaveBeenCalledTimes(1)
  })

  test('reports a reader that breaks off, and not one that merely fails', async () => {
    const onCorrupt = vi.fn<(error: StorageError) => void>()
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes
      throw new StorageError('unavailable', 'try again')
    }
    const digest = createDigest('a'.repeat(64), 100)

    await expect(read(verifiedReader(readerFromChunks(100, failing()), digest, onCorrupt))).rejects.toMatchObject({
      code: 'unavailable',
    })
    expect(onCorrupt).not.toHaveBeenCalled()
    await expect(read(verifiedReader(readerFromChunks(100, chunks), digest, onCorrupt))).rejects.toMatchObject({
      code: 'corrupt',
    })
    expect(onCorrupt).toHaveBeenCalledTimes(1)
  })
  test('does not take content for damaged that nobody waited for', async () => {
    const onCorrupt = vi.fn<() => void>()
    const { promise: gate, resolve: openGate } = Promise.withResolvers<void>()
    async function* slow(): AsyncGenerator<Uint8Array, void, undefined> {
      yield bytes.subarray(0, 4)
      await gate
      yield bytes.subarray(4, 6)
      yield bytes.subarray(6)
    }
    const reader = verifiedReader(readerFromChunks(bytes.byteLength, slow()), digestOf(bytes), onCorrupt)
    const reading = reader[Symbol.asyncIterator]().next()

    await reader[Symbol.asyncDispose]()
    openGate()

    await expect(reading).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(onCorrupt).not.toHaveBeenCalled()
  })
})

describe('bytes()', () => {
  test('hands out a single chunk as it is', async () => {
    expect(await readerFromChunks(bytes.byteLength, [bytes]).bytes()).toBe(bytes)
  })

  test('fails when what the producer has whole is of another length', async () => {
    for (const whole of [bytes.subarray(1), Buffer.concat([bytes, bytes])]) {
      const reader = readerFromChunks(bytes.byteLength, chunks, { whole: async () => whole })

      await expect(reader.bytes()).rejects.toMatchObject({ code: 'corrupt' })
    }
  })

  test('says that it was disposed, whatever that makes the producer fail with', async () => {
    const { promise, reject } = Promise.withResolvers<Uint8Array>()
    const release = (): void => reject(new StorageError('corrupt', 'the file was closed'))
    const reader = readerFromChunks(bytes.byteLength, chunks, { release, whole: () => promise })
    const reading = reader.bytes()

    await reader[Symbol.asyncDispose]()

    await expect(reading).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test('of a verified reader are hashed, however many they are', async () => {
    for (const sizeBytes of [0, 1, 1024 * 1024, 2_500_000]) {
      const content = Buffer.alloc(sizeBytes, 7)
      const onCorrupt = vi.fn<() => void>()
      const open = (digest = digestOf(content)): BlobReader =>
        verifiedReader(readerFromBytes(content), digest, onCorrupt)

      expect(Buffer.compare(await open().bytes(), content)).toBe(0)
      expect(onCorrupt).not.toHaveBeenCalled()

      await expect(open(createDigest('a'.repeat(64), sizeBytes)).bytes()).rejects.toMatchObject({ code: 'corrupt' })
      expect(onCorrupt).toHaveBeenCalledTimes(1)
    }
  })
})
