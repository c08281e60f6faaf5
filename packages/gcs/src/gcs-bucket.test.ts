import { makeBlob, makeBlobs, sourceOf } from '@caskade/conformance'
import { CRC32C, Storage } from '@google-cloud/storage'
import { OAuth2Client } from 'google-auth-library'
import { describe, expect, test } from 'vitest'
import { Crc32c, crc32cOf } from './crc32c.ts'
import { GcsStorage, provider } from './index.ts'
import type { GcsBucket } from './index.ts'
import { FakeGcs } from './testing/index.ts'

const blob = makeBlob(1, 1000)

describe('a bucket of @google-cloud/storage', () => {
  test('is one: its endpoint, its name and its credentials are used', async () => {
    await using fake = await FakeGcs.start({ bucketName: 'team-cache' })
    const authClient = new OAuth2Client()
    authClient.setCredentials({ access_token: fake.token, expiry_date: Date.now() + 3_600_000 })
    const bucket: GcsBucket = new Storage({
      apiEndpoint: fake.url,
      projectId: 'project',
      useAuthWithCustomEndpoint: true,
      authClient,
    }).bucket('team-cache')
    await using storage = new GcsStorage({ bucket, prefix: 'a b/ü?#' })
    await storage.start()

    await storage.commitWrite(blob.digest, sourceOf(blob))

    expect(fake.objects.all.map(({ name }) => name)).toEqual([`a b/ü?#cas/sha256/${blob.digest.hash}`])
    expect(await (await storage.getBlob(blob.digest))?.bytes()).toEqual(Buffer.from(blob.bytes))
    expect(await Array.fromAsync(storage.listBlobs(), ({ digest }) => digest)).toEqual([blob.digest])
  })

  test('at an endpoint of its own gets no credentials unless it is said to', async () => {
    await using fake = await FakeGcs.start()
    const { storage } = await provider.create(
      { bucket: 'bucket', apiEndpoint: fake.url, projectId: 'project', maxRetries: 0 },
      { baseDirectory: '/', build: () => Promise.reject(new Error('there is none')) },
    )
    await storage.start()

    await expect(storage.hasBlob(blob.digest)).rejects.toMatchObject({ code: 'permission-denied' })

    expect(fake.requests[0]?.headers['authorization']).toBeUndefined()
    await storage.stop()
  })

  test.each([
    [new Error('Could not load the default credentials.'), 'permission-denied'],
    [Object.assign(new Error('metadata server'), { code: 'ENOTFOUND' }), 'unavailable'],
    [Object.assign(new Error('busy'), { status: 503 }), 'unavailable'],
  ])('that gives no token (%s) is no absence', async (error, code) => {
    await using fake = await FakeGcs.start()
    const bucket = fake.bucket()
    const authClient = {
      async getRequestHeaders(): Promise<never> {
        throw error
      },
    }
    await using storage = new GcsStorage({
      bucket: { ...bucket, storage: { ...bucket.storage, authClient } },
      wait: async () => undefined,
    })
    await storage.start()

    await expect(storage.hasBlob(blob.digest)).rejects.toMatchObject({ code })
  })
})

test('the checksum is that of the service, in one piece and in several', () => {
  for (const { bytes } of [
    ...makeBlobs(40, 1),
    ...[0, 7, 8, 9, 63, 1000, 70_001].map((size) => makeBlob(size, size)),
  ]) {
    const theirs = new CRC32C()
    theirs.update(Buffer.from(bytes))
    const pieces = new Crc32c()
    for (let at = 0; at < bytes.byteLength; at += 13) pieces.update(bytes.subarray(at, at + 13))

    expect(crc32cOf(bytes)).toBe(theirs.toString())
    expect(pieces.base64()).toBe(theirs.toString())
  }
})

test.each([
  { leaseMs: -1 },
  { leaseMs: 1000, existenceCacheMs: 501 },
  { maxConnections: 0 },
  { maxRetries: 1.5 },
  { idleTimeoutMs: 0 },
  { idleTimeoutMs: 2 ** 31 },
  { uploadChunkBytes: 1000 },
  { prefix: 'a\nb' },
  { prefix: '.well-known/acme-challenge/' },
])('options that make no sense are refused: %j', async (options) => {
  await using fake = await FakeGcs.start()

  expect(() => new GcsStorage({ bucket: fake.bucket(), ...options })).toThrow(
    expect.objectContaining({ code: 'invalid-argument' }),
  )
})
