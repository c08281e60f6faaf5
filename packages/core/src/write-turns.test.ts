import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BlobSource } from './index.ts'
import { collectSource, digestOf, readerFromChunks, sourceFromBytes, WriteTurns } from './index.ts'

const bytes = Buffer.from('content of a blob')
const digest = digestOf(bytes)

let turns: WriteTurns
let isStored: boolean
let writers: number

beforeEach(() => {
  turns = new WriteTurns()
  isStored = false
  writers = 0
})

function store(source: BlobSource = sourceFromBytes(bytes), signal?: AbortSignal): Promise<boolean> {
  const write = async (own: BlobSource): Promise<void> => {
    writers += 1
    await collectSource(own, digest, { signal })
    isStored = true
  }
  return turns.take(digest, source, { isStored: () => isStored, write, signal })
}

/** A source that delivers one chunk a call. */
function steppedSource(): { readonly source: BlobSource; readonly step: (failure?: Error) => void } {
  let next = Promise.withResolvers<void>()
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const byte of bytes) {
      await next.promise
      next = Promise.withResolvers()
      yield Uint8Array.of(byte)
    }
  }
  return {
    source: { sizeBytes: bytes.byteLength, open: (options) => readerFromChunks(bytes.byteLength, chunks(), options) },
    step: (failure) => (failure === undefined ? next.resolve() : next.reject(failure)),
  }
}

describe('WriteTurns', () => {
  test('has one of many writers write, and the others find the blob stored', async () => {
    const wrote = await Promise.all(Array.from({ length: 100 }, () => store()))

    expect(writers).toBe(1)
    expect(wrote.filter(Boolean)).toHaveLength(1)
  })

  test('keeps what fails a writer from the others, of which one writes next', async () => {
    const stepped = steppedSource()
    const first = store(stepped.source)
    const others = Array.from({ length: 10 }, () => store())
    const failure = new Error('the source broke')

    stepped.step(failure)

    await expect(first).rejects.toBe(failure)
    expect((await Promise.all(others)).filter(Boolean)).toHaveLength(1)
    expect(writers).toBe(2)
  })

  test('ends a wait with the reason of its signal, and only that', async () => {
    const stepped = steppedSource()
    const controller = new AbortController()
    const reason = new Error('enough')
    const [first, second, third] = [store(stepped.source), store(undefined, controller.signal), store()]

    controller.abort(reason)
    await expect(second).rejects.toBe(reason)
    stepped.step(new Error('the source broke'))

    await expect(first).rejects.toThrow('the source broke')
    expect(await third).toBe(true)
  })

  test('waits once more when the blob is gone again before its turn comes', async () => {
    const gone = vi.fn<() => boolean>(() => false)
    const write = vi.fn<() => Promise<void>>(async () => undefined)
    const take = (): Promise<boolean> => turns.take(digest, sourceFromBytes(bytes), { isStored: gone, write })

    expect(await Promise.all([take(), take(), take()])).toEqual([true, true, true])

    expect(write).toHaveBeenCalledTimes(3)
  })

  describe('with time', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))

    afterEach(() => void vi.useRealTimers())

    test('no longer waits for a writer whose source is stuck, and does for one that is merely slow', async () => {
      const stepped = steppedSource()
      const first = store(stepped.source)
      const second = store()
      for (let count = 0; count < 10; count++) {
        await vi.advanceTimersByTimeAsync(450)
        stepped.step()
      }
      expect(writers).toBe(1)

      await vi.advanceTimersByTimeAsync(1000)

      expect(await second).toBe(true)
      expect(writers).toBe(2)
      stepped.step(new Error('the source broke'))
      await expect(first).rejects.toThrow('the source broke')
      expect(await store()).toBe(false)
    })
  })
})
