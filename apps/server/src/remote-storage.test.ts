import { makeBlob, makeBlobs, sourceOf, testStorage } from '@caskade/conformance'
import type { Backend, BlobReader, Digest, StorageABC } from '@caskade/core'
import { readerFromChunks, withCache } from '@caskade/core'
import { memoryBackend, MemoryStorage } from '@caskade/memory'
import type { ReapiOptions } from '@caskade/reapi'
import { sqliteBackend } from '@caskade/sqlite'
import { describe, expect, test } from 'vitest'
import { GrpcJsCalls } from './testing/remote-calls.fixture.ts'
import type { BackendServer } from './testing/remote-server.fixture.ts'
import { serveBackend } from './testing/remote-server.fixture.ts'
import { RemoteStorage } from './testing/remote-storage.fixture.ts'

// A server keeps the rules of the contract for whoever reaches it through the protocol. The suite for action caches has
// no counterpart here: what the protocol stores is an ActionResult, found by the hash of an action and only while all
// its blobs are there. It has no place for other values, keys, metadata or `ifAbsent`, and no way to delete or list.

const servers = new WeakMap<StorageABC, BackendServer>()

testStorage({ describe, test }, 'a server over Memory', {
  create: ({ maxBytes } = {}) => createRemote(() => memoryBackend({ maxBytes }), { maxBlobBytes: maxBytes }),
  destroy,
  reopen,
  hasEmptyBlob: true,
  isRemote: true,
  hasQuota: true,
})

testStorage({ describe, test }, 'a server over WithCache(Memory, Sqlite), with small batches', {
  create: () =>
    createRemote((path) => withCache({ cache: memoryBackend(), fallback: sqliteBackend({ path }) }), {
      maxBatchBytes: 64 * 1024,
    }),
  destroy,
  reopen,
  hasEmptyBlob: true,
  isRemote: true,
})

describe('RemoteStorage', () => {
  const huge: Digest = { hash: 'a'.repeat(64), sizeBytes: 1024 ** 3 }

  test('getBlob: a reader that is disposed unread ends the call on the server', async () => {
    const { storage: endless, released } = endlessStorage()
    await using server = await serveBackend(() => ({ ...memoryBackend(), storage: endless }))
    await using remote = await started(server)
    const reader = await remote.getBlob(huge)

    await reader?.[Symbol.asyncDispose]()

    await expect(released).resolves.toBeUndefined()
  })

  test('getBlob: an abort ends the reading with its reason, and the call on the server', async () => {
    const { storage: endless, released } = endlessStorage()
    await using server = await serveBackend(() => ({ ...memoryBackend(), storage: endless }))
    await using remote = await started(server)
    const controller = new AbortController()
    const reading = (await remote.getBlob(huge, { signal: controller.signal }))?.bytes()

    controller.abort(new Error('enough'))

    await expect(reading).rejects.toThrow('enough')
    await expect(released).resolves.toBeUndefined()
  })

  test('getBlob: a reader whose server goes away fails, and is not shortened', async () => {
    const server = await serveBackend(() => ({ ...memoryBackend(), storage: endlessStorage().storage }))
    await using remote = await started(server)
    const chunks = ((await remote.getBlob(huge)) as BlobReader)[Symbol.asyncIterator]()
    await chunks.next()

    await server[Symbol.asyncDispose]()

    const rest = async (): Promise<void> => {
      for (let next = await chunks.next(); next.done !== true;) next = await chunks.next()
    }
    await expect(rest()).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' })
    await expect(remote.hasBlob(huge)).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' })
  })

  test('commitWrite: a blob that the server has is acknowledged before its source is at its end', async () => {
    await using server = await serveBackend(() => memoryBackend())
    await using remote = await started(server)
    const blob = makeBlob(1, 100_000)
    await remote.commitWrite(blob.digest, sourceOf(blob))
    const released = Promise.withResolvers<void>()
    async function* beginning(): AsyncGenerator<Uint8Array, void, undefined> {
      yield blob.bytes.subarray(0, 10)
      await new Promise<never>(() => undefined)
    }

    await remote.commitWrite(blob.digest, {
      sizeBytes: 100_000,
      open: (options) => readerFromChunks(100_000, beginning(), { ...options, release: released.resolve }),
    })

    await expect(released.promise).resolves.toBeUndefined()
  })

  test('commitWrite: content that is not what the digest says is refused by the server', async () => {
    await using server = await serveBackend(() => memoryBackend())
    await using remote = await started(server)
    const [blob, other] = [makeBlob(1, 1000), makeBlob(2, 1000)]

    await expect(remote.commitWrite(blob.digest, sourceOf(other))).rejects.toMatchObject({ code: 'invalid-argument' })

    expect(await server.storage.hasBlob(blob.digest)).toBe(false)
  })

  test('instance names travel with every call, and all name the same blobs', async () => {
    await using server = await serveBackend(() => memoryBackend())
    await using main = await started(server, 'team/main')
    await using other = await started(server)
    const [streamed, ...batched] = makeBlobs(10, 1000)
    if (streamed === undefined) return

    await main.commitWrite(streamed.digest, sourceOf(streamed))
    await main.bulkUpdateBlobs(batched.map(({ digest, bytes }) => [digest, bytes]))

    for (const remote of [main, other]) {
      expect(await (await remote.getBlob(streamed.digest))?.bytes()).toEqual(Buffer.from(streamed.bytes))
      expect((await remote.bulkReadBlobs(batched.map(({ digest }) => digest))).size).toBe(9)
    }
  })

  test('start: fails as unavailable without a server, and works once there is one', async () => {
    const gone = await serveBackend(() => memoryBackend())
    await gone[Symbol.asyncDispose]()
    await using server = await serveBackend(() => memoryBackend())
    const addresses = [gone.address, server.address]
    await using remote = new RemoteStorage({ connect: () => new GrpcJsCalls(addresses.shift() ?? '') })

    await expect(remote.start()).rejects.toMatchObject({ name: 'StorageError', code: 'unavailable' })
    await remote.start()

    expect(await remote.hasBlob(huge)).toBe(false)
  })

  test('deleting, listing and resolving are unsupported where nothing but the protocol is there', async () => {
    await using server = await serveBackend(() => memoryBackend())
    await using remote = new RemoteStorage({ connect: () => new GrpcJsCalls(server.address) })
    await remote.start()

    await expect(remote.deleteBlob(huge)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(remote.resolveHash(huge.hash)).rejects.toMatchObject({ code: 'unsupported' })
    await expect(Array.fromAsync(remote.listBlobs())).rejects.toMatchObject({ code: 'unsupported' })
  })
})

async function createRemote(
  makeBackend: (path: string) => Backend,
  options: Pick<ReapiOptions, 'maxBlobBytes' | 'maxBatchBytes'>,
): Promise<StorageABC> {
  return connect(await serveBackend(makeBackend, options))
}

async function started(server: BackendServer, instanceName?: string): Promise<StorageABC> {
  const remote = connect(server, instanceName)
  await remote.start()
  return remote
}

/** What the protocol cannot ask for is asked behind its back. */
function connect(server: BackendServer, instanceName?: string): StorageABC {
  const connectTo = (): GrpcJsCalls => new GrpcJsCalls(server.address)
  const storage = new RemoteStorage({ connect: connectTo, instanceName, beside: server.storage })
  servers.set(storage, server)
  return storage
}

/** Another client of the same server. */
function reopen(earlier: StorageABC): StorageABC {
  const server = servers.get(earlier)
  if (server === undefined) throw new Error('this storage is not one of ours')
  return connect(server)
}

async function destroy(storage: StorageABC): Promise<void> {
  await servers.get(storage)?.[Symbol.asyncDispose]()
}

/** A storage that has every blob, of as many zeros as its digest says; `released` resolves once a reader is done with. */
function endlessStorage(): { storage: StorageABC; released: Promise<void> } {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  function* zeros(sizeBytes: number): Generator<Uint8Array, void, undefined> {
    for (let at = 0; at < sizeBytes; at += 65_536) yield new Uint8Array(65_536)
  }
  class EndlessStorage extends MemoryStorage {
    override async getBlob(digest: Digest): Promise<BlobReader> {
      return readerFromChunks(digest.sizeBytes, zeros(digest.sizeBytes), { release })
    }
  }
  return { storage: new EndlessStorage(), released }
}
