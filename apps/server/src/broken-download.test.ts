import { once } from 'node:events'
import { get } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { BlobReader, Digest, DigestFunction, FoundBlob, ReadOptions } from '@caskade/core'
import { readerFromChunks, StorageError } from '@caskade/core'
import { memoryBackend, MemoryStorage } from '@caskade/memory'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningHttpFrontends } from './testing/http-frontends.fixture.ts'
import { startHttpFrontends } from './testing/http-frontends.fixture.ts'
import { newBlob } from './testing/reapi-support.fixture.ts'

const blob = newBlob(20_000_000)

/** Delivers the first half of every blob, and then what the test says. */
class HalfStorage extends MemoryStorage {
  readonly released = Promise.withResolvers<void>()
  rest: () => Promise<Uint8Array> = async () => blob.bytes.subarray(10_000_000)

  override async getBlob(digest: Digest, { signal }: ReadOptions = {}): Promise<BlobReader> {
    const { released } = this
    const chunks = async function* (this: HalfStorage): AsyncGenerator<Uint8Array, void, undefined> {
      yield blob.bytes.subarray(0, 10_000_000)
      yield await this.rest()
    }
    return readerFromChunks(digest.sizeBytes, chunks.call(this), { signal, release: () => released.resolve() })
  }

  override async getBlobByHash(_: string, __?: DigestFunction, options?: ReadOptions): Promise<FoundBlob> {
    return { digest: blob.digest, reader: await this.getBlob(blob.digest, options) }
  }
}

let storage: HalfStorage
let frontends: RunningHttpFrontends
let url: string

beforeEach(async () => {
  storage = new HalfStorage()
  frontends = await startHttpFrontends({ backend: { ...memoryBackend(), storage } })
  url = `${frontends.url}/cas/${blob.digest.hash}`
})

afterEach(() => frontends[Symbol.asyncDispose]())

async function begin(): Promise<IncomingMessage> {
  const request = get(url, { agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}

describe('a download over HTTP', () => {
  test.each(['unknown', 'corrupt'])(
    'that fails half-way with %s breaks off, and the reason is logged',
    async (code) => {
      const error = new StorageError(code, 'the disk is gone')
      storage.rest = () => Promise.reject(error)
      const response = await begin()

      const reading = Array.fromAsync(response)

      await expect(reading).rejects.toThrow('aborted')
      await storage.released.promise
      expect(frontends.failures).toEqual([error])
    },
  )

  test("that its client gives up is nobody's failure", async () => {
    const response = await begin()
    await once(response, 'readable')

    response.destroy()

    await storage.released.promise
    await frontends.close()
    expect(frontends.failures).toEqual([])
  })
})
