import assert from 'node:assert/strict'
import { zstdCompressSync } from 'node:zlib'
import { create } from '@bufbuild/protobuf'
import { WriteRequestSchema } from '@caskade/reapi/messages'
import type { ReapiClient } from './reapi-client.fixture.ts'
import { uploadMessages } from './reapi-client.fixture.ts'
import type { ReapiCase } from './reapi-support.fixture.ts'
import { assertNotStored, assertStatus, newBlob, store, writeNameOf } from './reapi-support.fixture.ts'

/** Uploads that break off and go on. */
export const resumeCases: readonly ReapiCase[] = [
  {
    name: 'QueryWriteStatus: 0 for an upload nobody knows, complete for a blob that is stored',
    async run(client) {
      const [absent, stored] = [newBlob(100), newBlob(100)]
      await store(client, stored)

      const unknown = await client.queryWriteStatus({ resourceName: writeNameOf(absent) })
      const complete = await client.queryWriteStatus({ resourceName: writeNameOf(stored) })

      assert.deepEqual([unknown.committedSize, unknown.complete], [0n, false])
      assert.deepEqual([complete.committedSize, complete.complete], [100n, true])
    },
  },
  {
    name: 'resume: an upload that ended without finish_write goes on where it was',
    async run(client) {
      const blob = newBlob(100_000)
      const name = writeNameOf(blob, 'main')
      const messages = uploadMessages(name, blob.bytes)

      await assertStatus(client.write(messages.slice(0, 3)), 'INVALID_ARGUMENT', 'a stream without its end')

      await assertNotStored(client, blob)
      const { committedSize, complete } = await client.queryWriteStatus({ resourceName: name })
      assert.deepEqual([committedSize, complete], [49_152n, false])
      const [next, ...rest] = messages.slice(3)
      const response = await client.write([{ ...next, resourceName: name }, ...rest])
      assert.equal(response.committedSize, 100_000n)
      assert.ok((await client.read(`blobs/${blob.digest.hash}/100000`)).equals(blob.bytes))
    },
  },
  {
    name: 'resume: an upload whose client vanished goes on where it was, compressed ones too',
    async run(client) {
      const plain = newBlob(3_000_000)
      await resumeAfterCancel(client, writeNameOf(plain), plain.bytes)
      assert.ok((await client.read(`blobs/${plain.digest.hash}/3000000`)).equals(plain.bytes))

      const packed = newBlob(3_000_000)
      await resumeAfterCancel(client, writeNameOf(packed, '', 'zstd'), zstdCompressSync(packed.bytes))
      assert.ok((await client.read(`blobs/${packed.digest.hash}/3000000`)).equals(packed.bytes))
    },
  },
  {
    name: 'resume: beginning again at 0 forgets what was there',
    async run(client) {
      const blob = newBlob(100_000)
      const name = writeNameOf(blob)
      const messages = uploadMessages(name, blob.bytes)
      await assertStatus(client.write(messages.slice(0, 3)), 'INVALID_ARGUMENT', 'a stream without its end')

      await client.write(messages)

      assert.ok((await client.read(`blobs/${blob.digest.hash}/100000`)).equals(blob.bytes))
    },
  },
  {
    name: 'resume: at another offset than the one told is INVALID_ARGUMENT, and the upload can still go on',
    async run(client) {
      const blob = newBlob(100_000)
      const name = writeNameOf(blob)
      const messages = uploadMessages(name, blob.bytes)
      await assertStatus(client.write(messages.slice(0, 3)), 'INVALID_ARGUMENT', 'a stream without its end')

      for (const index of [2, 4]) {
        const wrong = [{ ...messages[index], resourceName: name }]
        await assertStatus(client.write(wrong), 'INVALID_ARGUMENT', `message ${index}`)
      }

      await client.write([{ ...messages[3], resourceName: name }, ...messages.slice(4)])
      assert.ok((await client.read(`blobs/${blob.digest.hash}/100000`)).equals(blob.bytes))
    },
  },
  {
    name: 'resume: names keep uploads apart, whoever shares the uuid',
    async run(client) {
      const [left, right] = [newBlob(40_000), newBlob(40_000)]
      const names = [left, right].map(({ digest }) => `uploads/shared/blobs/${digest.hash}/40000`)
      const [leftMessages, rightMessages] = [left, right].map(({ bytes }, index) =>
        uploadMessages(names[index] ?? '', bytes),
      )
      await assertStatus(client.write(leftMessages?.slice(0, 1) ?? []), 'INVALID_ARGUMENT', 'left')
      await assertStatus(client.write(rightMessages?.slice(0, 2) ?? []), 'INVALID_ARGUMENT', 'right')

      const offsets = await Promise.all(names.map((resourceName) => client.queryWriteStatus({ resourceName })))

      assert.deepEqual(
        offsets.map(({ committedSize }) => committedSize),
        [16_384n, 32_768n],
      )
    },
  },
  {
    name: 'resume: a call that takes over refuses the one before it',
    async run(client) {
      const blob = newBlob(60_000)
      const name = writeNameOf(blob)
      const messages = uploadMessages(name, blob.bytes)
      const stale = client.openWrite()
      stale.stream.write(create(WriteRequestSchema, messages[0]))
      await committedAtLeast(client, name, 16_384n)

      await client.write([{ ...messages[1], resourceName: name }, ...messages.slice(2)])
      stale.stream.write(create(WriteRequestSchema, messages[1]))

      await assertStatus(stale.response, 'ABORTED', 'the call before')
      assert.ok((await client.read(`blobs/${blob.digest.hash}/60000`)).equals(blob.bytes))
    },
  },
]

async function resumeAfterCancel(client: ReapiClient, name: string, content: Buffer): Promise<void> {
  const messages = uploadMessages(name, content)
  const half = Math.floor(messages.length / 2)
  const { stream, response } = client.openWrite()
  for (const message of messages.slice(0, half)) stream.write(create(WriteRequestSchema, message))
  const sent = BigInt(half * 16_384)
  await committedAtLeast(client, name, sent)
  stream.cancel()
  await assertStatus(response, 'CANCELLED', 'the client that vanished')

  const { committedSize, complete } = await client.queryWriteStatus({ resourceName: name })
  assert.deepEqual([committedSize, complete], [sent, false])
  const [next, ...rest] = messages.slice(half)
  await client.write([{ ...next, resourceName: name }, ...rest])
}

/** Waits until the server has taken so much of an upload. */
async function committedAtLeast(client: ReapiClient, resourceName: string, size: bigint): Promise<void> {
  for (;;) {
    const { committedSize } = await client.queryWriteStatus({ resourceName })
    if (committedSize >= size) return
  }
}
