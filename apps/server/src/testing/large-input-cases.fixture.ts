import assert from 'node:assert/strict'
import { create, toBinary } from '@bufbuild/protobuf'
import { TreeSchema } from '@caskade/reapi/messages'
import type { ReapiCase } from './reapi-support.fixture.ts'
import { assertStatus, blobOf, newBlob, store } from './reapi-support.fixture.ts'

const CAS = '/build.bazel.remote.execution.v2.ContentAddressableStorage'
const ACTION_CACHE = '/build.bazel.remote.execution.v2.ActionCache'

/** Input that is small on the wire and would be large in memory, and input that is honestly large. */
export const largeInputCases: readonly ReapiCase[] = [
  {
    name: 'requests of nothing but empty fields are INVALID_ARGUMENT, at whatever depth',
    async run(client) {
      const digests = emptyFields(2, 7_000_000)
      const actionResult = Buffer.concat([Buffer.from([0x1a, 0xc0, 0x9f, 0xab, 0x03]), digests])

      await assertStatus(client.rawUnary(`${CAS}/FindMissingBlobs`, digests), 'INVALID_ARGUMENT', 'FindMissingBlobs')
      await assertStatus(client.rawUnary(`${CAS}/BatchUpdateBlobs`, digests), 'INVALID_ARGUMENT', 'BatchUpdateBlobs')
      const update = client.rawUnary(`${ACTION_CACHE}/UpdateActionResult`, actionResult)
      await assertStatus(update, 'INVALID_ARGUMENT', 'UpdateActionResult')
    },
  },
  {
    name: 'batches of more items than are worth a batch are INVALID_ARGUMENT',
    async run(client) {
      const empty = blobOf(Buffer.alloc(0)).wire
      const [most, more] = [40_000, 40_001].map((count) => Array.from({ length: count }, () => empty))

      const { responses } = await client.batchReadBlobs({ digests: most ?? [] })

      assert.equal(responses.length, 40_000)
      await assertStatus(client.batchReadBlobs({ digests: more ?? [] }), 'INVALID_ARGUMENT', 'BatchReadBlobs')
      const update = client.rawUnary(`${CAS}/BatchUpdateBlobs`, emptyFields(2, 2 * 40_001))
      await assertStatus(update, 'INVALID_ARGUMENT', 'BatchUpdateBlobs')
    },
  },
  {
    name: 'trees of nothing but empty fields are not walked',
    async run(client) {
      const tree = blobOf(emptyFields(2, 2_100_000))
      const directory = blobOf(emptyFields(1, 2_100_000))
      await store(client, tree, directory)

      for (const output of [{ treeDigest: tree.wire }, { rootDirectoryDigest: directory.wire }]) {
        const actionDigest = newBlob(30).wire
        await client.updateActionResult({ actionDigest, actionResult: { outputDirectories: [output] } })
        await assertStatus(client.getActionResult({ actionDigest }), 'NOT_FOUND', Object.keys(output).join())
      }
      await assertStatus(client.getTree({ rootDigest: directory.wire }), 'FAILED_PRECONDITION', 'GetTree')
    },
  },
  {
    name: 'root directories count together towards what a walk may come to',
    async run(client) {
      const directory = blobOf(emptyFields(15, 40_000))
      await store(client, directory)
      const outputDirectories = (count: number): { rootDirectoryDigest: typeof directory.wire }[] =>
        Array.from({ length: count }, () => ({ rootDirectoryDigest: directory.wire }))
      const [few, many] = [newBlob(30).wire, newBlob(30).wire]
      await client.updateActionResult({ actionDigest: few, actionResult: { outputDirectories: outputDirectories(10) } })
      await client.updateActionResult({
        actionDigest: many,
        actionResult: { outputDirectories: outputDirectories(60) },
      })

      assert.equal((await client.getActionResult({ actionDigest: few })).outputDirectories.length, 10)
      await assertStatus(client.getActionResult({ actionDigest: many }), 'NOT_FOUND', '60 times 20,000 fields')
    },
  },
  {
    name: 'GetActionResult: trees of 150,000 files are answered, and other calls meanwhile',
    async run(client) {
      const file = newBlob(10)
      const files = Array.from({ length: 150_000 }, (_, index) => ({ name: `f${index}`, digest: file.wire }))
      const tree = blobOf(toBinary(TreeSchema, create(TreeSchema, { root: { files } })))
      await store(client, file, tree)
      const actionDigest = newBlob(30).wire
      const outputDirectories = [{ path: 'd', treeDigest: tree.wire }]
      await client.updateActionResult({ actionDigest, actionResult: { outputDirectories } })

      assert.equal((await client.getActionResult({ actionDigest })).outputDirectories.length, 1)

      let answered = 0
      const lookups = Array.from({ length: 5 }, () => client.getActionResult({ actionDigest }).then(() => answered++))
      for (let round = 0; round < 10; round++) await client.checkHealth({})
      assert.ok(answered < 5, 'ten calls one after the other waited for all large trees')
      await Promise.all(lookups)
    },
  },
]

/** Encoded fields of one number and no content, two bytes each. */
function emptyFields(number: number, sizeBytes: number): Buffer {
  const tag = number * 8 + 2
  return Buffer.alloc(sizeBytes).map((_, index) => (index % 2 === 0 ? tag : 0)) as Buffer
}
