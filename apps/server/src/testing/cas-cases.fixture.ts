import assert from 'node:assert/strict'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { create, toBinary } from '@bufbuild/protobuf'
import { Compressor_Value as Compressor, DigestFunction_Value as Fn, DirectorySchema } from '@caskade/reapi/messages'
import type { ReapiCase, WireBlob } from './reapi-support.fixture.ts'
import {
  assertNotStored,
  assertStatus,
  blobOf,
  malformedDigests,
  nameOf,
  newBlob,
  store,
} from './reapi-support.fixture.ts'

/** `ContentAddressableStorage`: blobs in batches. */
export const casCases: readonly ReapiCase[] = [
  {
    name: 'FindMissingBlobs: answers each digest that is missing, duplicates included, in order',
    async run(client) {
      const blobs = Array.from({ length: 50 }, () => newBlob(40))
      await store(client, ...blobs.filter((_, index) => index % 2 === 0))
      const asked = [...blobs, ...blobs].map(({ wire }) => wire)

      const { missingBlobDigests } = await client.findMissingBlobs({ blobDigests: asked })

      const expected = asked.filter((_, index) => index % 2 === 1)
      assert.deepEqual(
        missingBlobDigests.map(({ hash }) => hash),
        expected.map(({ hash }) => hash),
      )
      assert.deepEqual((await client.findMissingBlobs({})).missingBlobDigests, [])
    },
  },
  {
    name: 'FindMissingBlobs: takes 10,000 digests at once',
    async run(client) {
      const present = newBlob(10)
      await store(client, present)
      const blobDigests = Array.from({ length: 10_000 }, (_, index) => blobOf(Buffer.from(`absent ${index}`)).wire)

      const { missingBlobDigests } = await client.findMissingBlobs({ blobDigests: [present.wire, ...blobDigests] })

      assert.equal(missingBlobDigests.length, 10_000)
    },
  },
  {
    name: 'a blob of the right hash and the wrong size is missing',
    async run(client) {
      const blob = newBlob(100)
      await store(client, blob)
      const wrong = { ...blob.wire, sizeBytes: 99n }

      assert.equal((await client.findMissingBlobs({ blobDigests: [wrong] })).missingBlobDigests.length, 1)
      const { responses } = await client.batchReadBlobs({ digests: [wrong, blob.wire] })
      assert.deepEqual(
        responses.map(({ status }) => nameOf(status?.code)),
        ['NOT_FOUND', 'OK'],
      )
    },
  },
  {
    name: 'the empty blob is always there, in every call',
    async run(client) {
      const { wire } = blobOf(Buffer.alloc(0))

      assert.deepEqual((await client.findMissingBlobs({ blobDigests: [wire] })).missingBlobDigests, [])
      const { responses } = await client.batchReadBlobs({ digests: [wire] })
      assert.equal(responses[0]?.status?.code, 0)
      assert.equal((await client.read(`blobs/${wire.hash}/0`)).byteLength, 0)
      assert.equal((await client.upload(`uploads/1/blobs/${wire.hash}/0`, Buffer.alloc(0))).committedSize, 0n)
    },
  },
  {
    name: 'malformed digests are INVALID_ARGUMENT, wherever they stand',
    async run(client) {
      for (const [what, digest] of malformedDigests) {
        await assertStatus(
          client.findMissingBlobs({ blobDigests: [digest] }),
          'INVALID_ARGUMENT',
          `FindMissing: ${what}`,
        )
        await assertStatus(client.batchReadBlobs({ digests: [digest] }), 'INVALID_ARGUMENT', `BatchRead: ${what}`)
        await assertStatus(client.getTree({ rootDigest: digest }), 'INVALID_ARGUMENT', `GetTree: ${what}`)
        const { responses } = await client.batchUpdateBlobs({ requests: [{ digest, data: Buffer.from('x') }] })
        assert.equal(nameOf(responses[0]?.status?.code), 'INVALID_ARGUMENT', `BatchUpdate: ${what}`)
      }
      await assertStatus(client.getTree({}), 'INVALID_ARGUMENT', 'GetTree without a root')
    },
  },
  {
    name: 'digest functions: SHA-256 may be said, others are INVALID_ARGUMENT',
    async run(client) {
      const blob = newBlob(30)
      await store(client, blob)

      const said = await client.findMissingBlobs({ blobDigests: [blob.wire], digestFunction: Fn.SHA256 })
      assert.deepEqual(said.missingBlobDigests, [])
      for (const digestFunction of [Fn.BLAKE3, Fn.SHA512, Fn.MD5, 99 as typeof Fn.MD5]) {
        const call = client.findMissingBlobs({ blobDigests: [blob.wire], digestFunction })
        await assertStatus(call, 'INVALID_ARGUMENT', `function ${digestFunction}`)
      }
      const sha1 = { hash: 'a'.repeat(40), sizeBytes: 1n }
      await assertStatus(client.findMissingBlobs({ blobDigests: [sha1] }), 'INVALID_ARGUMENT', 'a SHA-1 hash')
    },
  },
  {
    name: 'BatchUpdateBlobs: stores the good, refuses the wrong, and answers each in order',
    async run(client) {
      const [first, second, never] = [newBlob(10), newBlob(3000), newBlob(50)]
      const other = newBlob(50)

      const { responses } = await client.batchUpdateBlobs({
        requests: [
          { digest: first.wire, data: first.bytes },
          { digest: never.wire, data: other.bytes },
          { digest: { ...never.wire, sizeBytes: 49n }, data: never.bytes },
          { digest: second.wire, data: second.bytes },
          { digest: first.wire, data: first.bytes },
          { data: other.bytes },
        ],
      })

      const invalid = 'INVALID_ARGUMENT'
      const codes = responses.map(({ status }) => nameOf(status?.code))
      assert.deepEqual(codes, ['OK', invalid, invalid, 'OK', 'OK', invalid])
      assert.deepEqual(
        responses.map(({ digest }) => digest?.hash),
        [first.wire.hash, never.wire.hash, never.wire.hash, second.wire.hash, first.wire.hash, undefined],
      )
      await assertNotStored(client, never, other)
      assert.ok((await client.read(`blobs/${second.wire.hash}/3000`)).equals(second.bytes))
    },
  },
  {
    name: 'BatchUpdateBlobs: takes zstd, and refuses what does not decompress to the digest',
    async run(client) {
      const good = newBlob(5000)
      const bomb = blobOf(Buffer.alloc(3_000_000))
      const [short, broken, deflated] = [newBlob(100), newBlob(100), newBlob(100)]
      const zstd = Compressor.ZSTD

      const { responses } = await client.batchUpdateBlobs({
        requests: [
          { digest: good.wire, data: zstdCompressSync(good.bytes), compressor: zstd },
          { digest: { ...bomb.wire, sizeBytes: 1000n }, data: zstdCompressSync(bomb.bytes), compressor: zstd },
          { digest: short.wire, data: zstdCompressSync(short.bytes.subarray(1)), compressor: zstd },
          { digest: broken.wire, data: Buffer.from('no zstd at all'), compressor: zstd },
          { digest: deflated.wire, data: deflated.bytes, compressor: Compressor.DEFLATE },
        ],
      })

      const invalid = 'INVALID_ARGUMENT'
      assert.deepEqual(
        responses.map(({ status }) => nameOf(status?.code)),
        ['OK', invalid, invalid, invalid, invalid],
      )
      await assertNotStored(client, short, broken, deflated)
      assert.ok((await client.read(`blobs/${good.wire.hash}/5000`)).equals(good.bytes))
    },
  },
  {
    name: 'batches above the advertised total are INVALID_ARGUMENT, compressed ones by what they decompress to',
    async run(client) {
      const half = newBlob(2_000_000)
      const other = newBlob(2_000_000)
      const plain = [half, other].map(({ wire, bytes }) => ({ digest: wire, data: bytes }))
      const compressed = [half, other].map(({ wire, bytes }) => ({
        digest: wire,
        data: zstdCompressSync(bytes),
        compressor: Compressor.ZSTD,
      }))

      await assertStatus(client.batchUpdateBlobs({ requests: plain }), 'INVALID_ARGUMENT', 'plain')
      await assertStatus(client.batchUpdateBlobs({ requests: compressed }), 'INVALID_ARGUMENT', 'compressed')
      await assertNotStored(client, half, other)
      await store(client, half, other)
      await assertStatus(client.batchReadBlobs({ digests: [half.wire, other.wire] }), 'INVALID_ARGUMENT', 'reading')
    },
  },
  {
    name: 'BatchReadBlobs: answers each digest, duplicates and missing ones included',
    async run(client) {
      const [blob, absent] = [newBlob(500), newBlob(5)]
      await store(client, blob)

      const { responses } = await client.batchReadBlobs({ digests: [blob.wire, absent.wire, blob.wire] })

      assert.deepEqual(
        responses.map(({ status }) => nameOf(status?.code)),
        ['OK', 'NOT_FOUND', 'OK'],
      )
      assert.ok([0, 2].every((index) => blob.bytes.equals(responses[index]?.data ?? Buffer.alloc(0))))
    },
  },
  {
    name: 'BatchReadBlobs: compresses for clients that take zstd, and for no others',
    async run(client) {
      const blob = newBlob(50_000)
      await store(client, blob)
      const { IDENTITY, ZSTD } = Compressor

      const both = await client.batchReadBlobs({ digests: [blob.wire], acceptableCompressors: [IDENTITY, ZSTD] })
      const plain = await client.batchReadBlobs({ digests: [blob.wire] })

      assert.equal(both.responses[0]?.compressor, ZSTD)
      assert.ok(zstdDecompressSync(both.responses[0]?.data ?? '').equals(blob.bytes))
      assert.equal(plain.responses[0]?.compressor, IDENTITY)
      assert.ok(blob.bytes.equals(plain.responses[0]?.data ?? Buffer.alloc(0)))
    },
  },
  {
    name: 'GetTree: every directory once, the root first, in pages on request',
    async run(client) {
      const { root, all } = await storeTree(client)

      const whole = await client.getTree({ rootDigest: root.wire })
      const paged = await client.getTree({ rootDigest: root.wire, pageSize: 1 })
      const rest = await client.getTree({ rootDigest: root.wire, pageToken: paged[0]?.nextPageToken ?? '' })

      const names = (responses: typeof whole): string[] =>
        responses.flatMap(({ directories }) => directories.map(({ files }) => files[0]?.name ?? ''))
      assert.deepEqual(names(whole), ['root', 'left', 'right', 'shared'])
      assert.equal(all.length, 4)
      assert.deepEqual(names(paged), names(whole))
      assert.equal(paged.length, 4)
      assert.deepEqual(names(rest), ['left', 'right', 'shared'])
    },
  },
  {
    name: 'GetTree: leaves out what is missing below the root; a missing root is NOT_FOUND',
    async run(client) {
      const absent = newBlob(20)
      const root = directoryBlob('root', [absent])
      await store(client, root)

      const [response] = await client.getTree({ rootDigest: root.wire })

      assert.equal(response?.directories.length, 1)
      await assertStatus(client.getTree({ rootDigest: absent.wire }), 'NOT_FOUND', 'a missing root')
    },
  },
  {
    name: 'GetTree: bad tokens, page sizes and directories are INVALID_ARGUMENT',
    async run(client) {
      const noDirectory = blobOf(Buffer.from([255, 255, 255, 255, 1]))
      await store(client, noDirectory)
      const { root } = await storeTree(client)

      await assertStatus(client.getTree({ rootDigest: root.wire, pageToken: 'x' }), 'INVALID_ARGUMENT', 'token')
      await assertStatus(client.getTree({ rootDigest: root.wire, pageSize: -1 }), 'INVALID_ARGUMENT', 'page size')
      await assertStatus(client.getTree({ rootDigest: noDirectory.wire }), 'INVALID_ARGUMENT', 'not a directory')
    },
  },
  {
    name: 'SplitBlob is UNIMPLEMENTED, as the capabilities say',
    async run(client) {
      await assertStatus(client.splitBlob({ blobDigest: newBlob(1).wire }), 'UNIMPLEMENTED', 'SplitBlob')
    },
  },
]

function directoryBlob(name: string, children: readonly WireBlob[]): WireBlob {
  const directory = create(DirectorySchema, {
    // Unique, so that a tree is never one that an earlier run stored.
    files: [{ name, digest: newBlob(5).wire }],
    directories: children.map(({ wire }, index) => ({ name: `child${index}`, digest: wire })),
  })
  return blobOf(toBinary(DirectorySchema, directory))
}

async function storeTree(client: Parameters<typeof store>[0]): Promise<{ root: WireBlob; all: WireBlob[] }> {
  const shared = directoryBlob('shared', [])
  const left = directoryBlob('left', [shared])
  const right = directoryBlob('right', [shared])
  const root = directoryBlob('root', [left, right])
  const all = [root, left, right, shared]
  await store(client, ...all)
  return { root, all }
}
