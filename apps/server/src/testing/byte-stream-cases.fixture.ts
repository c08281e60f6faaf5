import assert from 'node:assert/strict'
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { WriteRequestSchema } from '@caskade/reapi/messages'
import { uploadMessages } from './reapi-client.fixture.ts'
import type { ReapiCase } from './reapi-support.fixture.ts'
import { assertNotStored, assertStatus, blobOf, newBlob, store, writeNameOf } from './reapi-support.fixture.ts'

/** `ByteStream`: reading and writing blobs of any size. Resuming is in `resume-cases.fixture.ts`. */
export const byteStreamCases: readonly ReapiCase[] = [
  {
    name: 'Write and Read: what was written is read, at every size and for every instance name',
    async run(client) {
      for (const instance of ['', 'main', 'moon-outputs', 'team/a b/ünïcode']) {
        for (const size of [1, 1000, 16_384, 300_000, 5_000_000]) {
          const blob = newBlob(size)
          const prefix = instance === '' ? '' : `${instance}/`

          const { committedSize } = await client.upload(writeNameOf(blob, instance), blob.bytes)

          assert.equal(committedSize, BigInt(size))
          const read = await client.read(`${prefix}blobs/${blob.digest.hash}/${size}`)
          assert.ok(read.equals(blob.bytes), `${size} bytes`)
          assert.ok((await client.read(`other/blobs/${blob.digest.hash}/${size}`)).equals(blob.bytes))
        }
      }
    },
  },
  {
    name: 'Read: offsets and limits name exactly the part that is sent',
    async run(client) {
      const size = 700_000
      const blob = newBlob(size)
      await store(client, blob)
      const name = `blobs/${blob.digest.hash}/${size}`

      for (const [offset, limit] of [
        [0, 1],
        [0, size],
        [0, size * 2],
        [1, 0],
        [299_999, 300_001],
        [size - 1, 0],
        [size, 0],
        [size, 5],
      ] as const) {
        const read = await client.read(name, BigInt(offset), BigInt(limit))
        const expected = blob.bytes.subarray(offset, limit === 0 ? undefined : offset + limit)
        assert.ok(read.equals(expected), `offset ${offset}, limit ${limit}`)
      }
      await assertStatus(client.read(name, BigInt(size + 1)), 'OUT_OF_RANGE', 'beyond the end')
      await assertStatus(client.read(name, -1n), 'OUT_OF_RANGE', 'a negative offset')
      await assertStatus(client.read(name, 0n, -1n), 'INVALID_ARGUMENT', 'a negative limit')
    },
  },
  {
    name: 'Read: no message is too large for a client with the usual limit',
    async run(client) {
      const blob = newBlob(5_000_000)
      await store(client, blob)

      const responses = await client.readStream({ resourceName: `blobs/${blob.digest.hash}/5000000` })

      assert.ok(responses.length > 1)
      assert.ok(responses.every(({ data }) => data.byteLength <= 1024 * 1024))
    },
  },
  {
    name: 'Read: what is not stored is NOT_FOUND',
    async run(client) {
      const { digest } = newBlob(10)
      await assertStatus(client.read(`blobs/${digest.hash}/10`), 'NOT_FOUND', 'a blob that was never written')
      await assertStatus(client.read(`compressed-blobs/zstd/${digest.hash}/10`), 'NOT_FOUND', 'compressed')
    },
  },
  {
    name: 'zstd: what was written compressed is read plain, and the reverse, from any offset',
    async run(client) {
      for (const size of [10, 5000, 3_000_000]) {
        const [compressed, plain] = [newBlob(size), newBlob(size)]
        const content = zstdCompressSync(compressed.bytes)

        const { committedSize } = await client.upload(writeNameOf(compressed, '', 'zstd'), content)
        await store(client, plain)

        assert.equal(committedSize, BigInt(content.byteLength))
        assert.ok((await client.read(`blobs/${compressed.digest.hash}/${size}`)).equals(compressed.bytes))
        for (const offset of [0, Math.floor(size / 2), size]) {
          const name = `main/compressed-blobs/zstd/${plain.digest.hash}/${size}`
          const read = zstdDecompressSync(await client.read(name, BigInt(offset)))
          assert.ok(read.equals(plain.bytes.subarray(offset)), `offset ${offset} of ${size}`)
        }
        const limited = client.read(`compressed-blobs/zstd/${plain.digest.hash}/${size}`, 0n, 1n)
        await assertStatus(limited, 'INVALID_ARGUMENT', 'a limit on a compressed read')
      }
    },
  },
  {
    name: 'zstd: an upload may consist of several frames',
    async run(client) {
      const blob = newBlob(300_000)
      const frames = [blob.bytes.subarray(0, 100_000), blob.bytes.subarray(100_000)].map((part) =>
        zstdCompressSync(part),
      )

      await client.upload(writeNameOf(blob, '', 'zstd'), Buffer.concat(frames), 7000)

      assert.ok((await client.read(`blobs/${blob.digest.hash}/300000`)).equals(blob.bytes))
    },
  },
  {
    name: 'zstd: uploads that are malformed, cut short, too long or bombs are INVALID_ARGUMENT',
    async run(client) {
      const [garbage, cut, long, wide] = [newBlob(1000), newBlob(100_000), newBlob(1000), newBlob(1000)]
      const content = zstdCompressSync(cut.bytes)
      const bomb = zstdCompressSync(Buffer.alloc(30_000_000))
      const window = { params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_enableLongDistanceMatching]: 1 } }
      const wideWindow = zstdCompressSync(Buffer.alloc(30_000_000), window)

      for (const [what, blob, bytes] of [
        ['garbage', garbage, Buffer.from('this is not zstd'.repeat(10))],
        ['cut short', cut, content.subarray(0, -10)],
        ['too long', long, zstdCompressSync(Buffer.concat([long.bytes, Buffer.from('x')]))],
        ['a bomb', garbage, bomb],
        ['a huge window', wide, wideWindow],
      ] as const) {
        await assertStatus(client.upload(writeNameOf(blob, '', 'zstd'), bytes), 'INVALID_ARGUMENT', what)
      }
      await assertNotStored(client, garbage, cut, long, wide)
    },
  },
  {
    name: 'Write: short, long and wrong content is INVALID_ARGUMENT, and nothing of it is stored',
    async run(client) {
      for (const size of [10, 100_000, 3_000_000]) {
        const blob = newBlob(size)
        const changed = Buffer.from(blob.bytes)
        changed[size - 1] = 7

        const contents = [
          blob.bytes.subarray(1),
          Buffer.concat([blob.bytes, Buffer.from('x')]),
          changed,
          Buffer.alloc(0),
        ]
        for (const [index, content] of contents.entries()) {
          await assertStatus(client.upload(writeNameOf(blob), content), 'INVALID_ARGUMENT', `${size} bytes, ${index}`)
        }

        await assertNotStored(client, blob)
        await client.upload(writeNameOf(blob), blob.bytes)
      }
    },
  },
  {
    name: 'Write: a blob that is there ends the call at once, whatever the client goes on to send',
    async run(client) {
      const blob = newBlob(1_000_000)
      await store(client, blob)

      for (const [compressor, size] of [
        ['identity', 1_000_000n],
        ['zstd', -1n],
      ] as const) {
        const { stream, response } = client.openWrite()
        // Neither finished nor half-closed: only an answer that does not wait for it can come.
        stream.write(
          create(WriteRequestSchema, { resourceName: writeNameOf(blob, '', compressor), data: Buffer.alloc(9) }),
        )
        assert.equal((await response).committedSize, size)
      }
    },
  },
  {
    name: 'Write: wrong offsets and changing names are INVALID_ARGUMENT',
    async run(client) {
      const blob = newBlob(40_000)
      const [first = {}, second = {}] = uploadMessages(writeNameOf(blob), blob.bytes)
      const invalid = 'INVALID_ARGUMENT'

      await assertStatus(client.write([]), invalid, 'no message')
      await assertStatus(client.write([{ ...first, resourceName: '' }]), invalid, 'no name')
      await assertStatus(client.write([{ ...first, writeOffset: 1n }]), invalid, 'beginning at 1')
      await assertStatus(client.write([{ ...first, writeOffset: -1n }]), invalid, 'a negative offset')
      await assertStatus(client.write([{ ...first, writeOffset: 2n ** 60n }]), invalid, 'a huge offset')
      await assertStatus(client.write([first, { ...second, writeOffset: 5n }]), invalid, 'going back')
      await assertStatus(client.write([first, { ...second, writeOffset: 20_000n }]), invalid, 'a gap')
      await assertStatus(client.write([first, { ...second, resourceName: writeNameOf(blob) }]), invalid, 'another name')
      await assertNotStored(client, blob)
    },
  },
  {
    name: 'resource names that are none are INVALID_ARGUMENT for reading and writing',
    async run(client) {
      const hash = 'a'.repeat(64)
      const bad = [
        '',
        '/',
        'blobs',
        `blobs/${hash}`,
        `blobs/${hash}/`,
        `blobs/${hash}/-1`,
        `blobs/${hash}/1e3`,
        `blobs/${hash}/ 1`,
        `blobs/${hash}/01`,
        `blobs/${hash}/99999999999999999999`,
        `blobs/${'A'.repeat(64)}/1`,
        `blobs/${'../../etc/passwd'.padEnd(64, '0')}/1`,
        `blobs/sha512/${hash}/1`,
        `blobs/blake3/${hash}/1`,
        `compressed-blobs/${hash}/1`,
        `compressed-blobs/deflate/${hash}/1`,
        `compressed-blobs/brotli/${hash}/1`,
        `actions/blobs/${hash}/1`,
        `${'x'.repeat(5000)}/blobs/${hash}/1`,
      ]
      for (const name of bad) {
        await assertStatus(client.read(name), 'INVALID_ARGUMENT', `reading ${name.slice(0, 90)}`)
        const upload = `uploads/3f2/${name}`
        await assertStatus(
          client.upload(upload, Buffer.from('x')),
          'INVALID_ARGUMENT',
          `writing ${upload.slice(0, 90)}`,
        )
        const query = client.queryWriteStatus({ resourceName: upload })
        await assertStatus(query, 'INVALID_ARGUMENT', `asking for ${upload.slice(0, 90)}`)
      }
      await assertStatus(client.read(`blobs/${hash}/1/more`), 'INVALID_ARGUMENT', 'more after the size')
      await assertStatus(
        client.upload(`blobs/${hash}/1`, Buffer.from('x')),
        'INVALID_ARGUMENT',
        'writing without uploads',
      )
      await assertStatus(client.upload(`uploads//blobs/${hash}/1`, Buffer.from('x')), 'INVALID_ARGUMENT', 'no uuid')
      await assertStatus(client.read(`uploads/1/blobs/${hash}/1`), 'INVALID_ARGUMENT', 'reading an upload')
    },
  },
  {
    name: 'Write: metadata after the size is accepted and ignored',
    async run(client) {
      const blob = newBlob(100)
      await client.upload(`${writeNameOf(blob)}/some/file.txt`, blob.bytes)
      assert.ok((await client.read(`blobs/${blob.digest.hash}/100`)).equals(blob.bytes))
    },
  },
  {
    name: 'Write: a blob above the advertised limit is INVALID_ARGUMENT before it is sent',
    async run(client) {
      const { cacheCapabilities } = await client.getCapabilities({})
      const size = (cacheCapabilities?.maxCasBlobSizeBytes ?? 0n) + 1n
      const { hash } = newBlob(1).digest

      const { stream, response } = client.openWrite()
      stream.write(
        create(WriteRequestSchema, { resourceName: `uploads/1/blobs/${hash}/${size}`, data: Buffer.alloc(9) }),
      )

      await assertStatus(response, 'INVALID_ARGUMENT', 'an oversized blob')
    },
  },
  {
    name: 'Write: one uuid serves many blobs at once, as moon has it',
    async run(client) {
      const blobs = Array.from({ length: 20 }, () => newBlob(50_000))

      await Promise.all(
        blobs.map(({ bytes, digest }) => client.upload(`m/uploads/one-uuid/blobs/${digest.hash}/50000`, bytes, 1024)),
      )

      for (const { bytes, digest } of blobs) assert.ok((await client.read(`blobs/${digest.hash}/50000`)).equals(bytes))
    },
  },
  {
    name: 'Write: many clients may upload one blob at once',
    async run(client) {
      const blob = newBlob(200_000)

      const responses = await Promise.all(
        Array.from({ length: 20 }, () => client.upload(writeNameOf(blob), blob.bytes, 4096)),
      )

      assert.ok(responses.every(({ committedSize }) => committedSize === 200_000n))
      assert.ok((await client.read(`blobs/${blob.digest.hash}/200000`)).equals(blob.bytes))
      assert.equal(blobOf(blob.bytes).digest.hash, blob.digest.hash)
    },
  },
]
