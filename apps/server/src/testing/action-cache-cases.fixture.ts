import assert from 'node:assert/strict'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { create, equals, toBinary } from '@bufbuild/protobuf'
import {
  type ActionResult,
  ActionResultSchema,
  DigestFunction_Value as Fn,
  DirectorySchema,
  TreeSchema,
} from '@caskade/reapi/messages'
import type { ReapiClient } from './reapi-client.fixture.ts'
import type { ReapiCase, WireBlob } from './reapi-support.fixture.ts'
import { assertStatus, blobOf, malformedDigests, newBlob, store } from './reapi-support.fixture.ts'

type ResultInit = MessageInitShape<typeof ActionResultSchema>

/** `ActionCache`: results of actions. */
export const actionCacheCases: readonly ReapiCase[] = [
  {
    name: 'UpdateActionResult and GetActionResult: the result comes back as it was stored, and can be replaced',
    async run(client) {
      const [file, stdout] = [newBlob(10), newBlob(20)]
      await store(client, file, stdout)
      const result: ResultInit = {
        outputFiles: [{ path: 'out/a', digest: file.wire, isExecutable: true, nodeProperties: { unixMode: 0o755 } }],
        outputSymlinks: [{ path: 'link', target: 'a' }],
        stdoutDigest: stdout.wire,
        exitCode: 3,
        executionMetadata: { worker: 'moon', queuedTimestamp: { seconds: 12n, nanos: 34 } },
      }
      const action = newBlob(30).wire

      const answered = await client.updateActionResult({ actionDigest: action, actionResult: result })
      const stored = await client.getActionResult({ actionDigest: action })

      assertSameResult(answered, result)
      assertSameResult(stored, result)
      await client.updateActionResult({ actionDigest: action, actionResult: { exitCode: 4 } })
      assertSameResult(await client.getActionResult({ actionDigest: action }), { exitCode: 4 })
    },
  },
  {
    name: 'instance names and digest functions keep results apart, wherever the blobs are',
    async run(client) {
      const action = newBlob(30).wire
      for (const [index, instanceName] of ['', 'main', 'main/x', 'ünïcode'].entries()) {
        await client.updateActionResult({ instanceName, actionDigest: action, actionResult: { exitCode: index + 1 } })
      }

      for (const [index, instanceName] of ['', 'main', 'main/x', 'ünïcode'].entries()) {
        const said = { instanceName, actionDigest: action, digestFunction: Fn.SHA256 }
        assert.equal((await client.getActionResult(said)).exitCode, index + 1)
      }
      const other = client.getActionResult({ instanceName: 'other', actionDigest: action })
      await assertStatus(other, 'NOT_FOUND', 'an instance without it')
      const blake3 = client.getActionResult({ actionDigest: action, digestFunction: Fn.BLAKE3 })
      await assertStatus(blake3, 'INVALID_ARGUMENT', 'a function that is not offered')
    },
  },
  {
    name: 'GetActionResult: a result that was never stored is NOT_FOUND',
    async run(client) {
      await assertStatus(client.getActionResult({ actionDigest: newBlob(9).wire }), 'NOT_FOUND', 'never stored')
    },
  },
  {
    name: 'an empty result survives',
    async run(client) {
      const action = newBlob(30).wire

      await client.updateActionResult({ actionDigest: action, actionResult: {} })

      assertSameResult(await client.getActionResult({ actionDigest: action }), {})
    },
  },
  {
    name: 'a large result survives',
    async run(client) {
      const file = newBlob(10)
      await store(client, file)
      const outputFiles = Array.from({ length: 10_000 }, (_, index) => ({ path: `out/${index}`, digest: file.wire }))
      const action = newBlob(30).wire

      await client.updateActionResult({ actionDigest: action, actionResult: { outputFiles } })

      assertSameResult(await client.getActionResult({ actionDigest: action }), { outputFiles })
    },
  },
  {
    name: 'GetActionResult: a result is answered only while every blob it names is stored',
    async run(client) {
      const [present, absent] = [newBlob(10), newBlob(10)]
      await store(client, present)
      const tree = treeBlob(present, present)
      const treeWithoutRootFile = treeBlob(absent, present)
      const treeWithoutChildFile = treeBlob(present, absent)
      const noTree = blobOf(Buffer.from([255, 255, 255, 255, 1]))
      const directory = directoryBlob(present, [])
      const directoryWithoutFile = directoryBlob(absent, [])
      const parent = directoryBlob(present, [directory])
      const parentWithoutChild = directoryBlob(present, [absent])
      await store(client, tree, treeWithoutRootFile, treeWithoutChildFile, noTree, directory, directoryWithoutFile)
      await store(client, parent, parentWithoutChild)

      const complete: ResultInit[] = [
        { outputFiles: [{ path: 'a', digest: present.wire }], stdoutDigest: present.wire, stderrDigest: present.wire },
        { outputDirectories: [{ path: 'd', treeDigest: tree.wire }] },
        { outputDirectories: [{ path: 'd', rootDirectoryDigest: parent.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: tree.wire, rootDirectoryDigest: parent.wire }] },
      ]
      const incomplete: ResultInit[] = [
        {
          outputFiles: [
            { path: 'a', digest: present.wire },
            { path: 'b', digest: absent.wire },
          ],
        },
        { stdoutDigest: absent.wire },
        { stderrDigest: absent.wire },
        { outputDirectories: [{ path: 'd', treeDigest: absent.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: treeWithoutRootFile.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: treeWithoutChildFile.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: noTree.wire }] },
        { outputDirectories: [{ path: 'd', rootDirectoryDigest: absent.wire }] },
        { outputDirectories: [{ path: 'd', rootDirectoryDigest: directoryWithoutFile.wire }] },
        { outputDirectories: [{ path: 'd', rootDirectoryDigest: parentWithoutChild.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: tree.wire, rootDirectoryDigest: absent.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: tree.wire, rootDirectoryDigest: parentWithoutChild.wire }] },
        { outputDirectories: [{ path: 'd', treeDigest: tree.wire, rootDirectoryDigest: directoryWithoutFile.wire }] },
        { outputDirectories: [{ path: 'd' }] },
      ]
      for (const result of complete) assertSameResult(await client.getActionResult(await put(client, result)), result)
      for (const [index, result] of incomplete.entries()) {
        await assertStatus(client.getActionResult(await put(client, result)), 'NOT_FOUND', `incomplete result ${index}`)
      }
    },
  },
  {
    name: 'GetActionResult: puts in the content that is asked for, and only that',
    async run(client) {
      const [file, other, stdout, stderr] = [newBlob(10), newBlob(11), newBlob(20), newBlob(30)]
      await store(client, file, other, stdout, stderr)
      const request = await put(client, {
        outputFiles: [
          { path: 'stdout', digest: file.wire },
          { path: 'b', digest: other.wire },
        ],
        stdoutDigest: stdout.wire,
        stderrDigest: stderr.wire,
      })

      const plain = await client.getActionResult(request)
      const streams = await client.getActionResult({ ...request, inlineStdout: true, inlineStderr: true })
      const files = await client.getActionResult({ ...request, inlineOutputFiles: ['b', 'none'] })

      assert.deepEqual(inlined(plain), ['', '', '', ''])
      assert.deepEqual(inlined(streams), [String(stdout.bytes), String(stderr.bytes), '', ''])
      assert.deepEqual(inlined(files), ['', '', '', String(other.bytes)])
      assert.equal(streams.stdoutDigest?.hash, stdout.digest.hash)
    },
  },
  {
    name: 'GetActionResult: content that would not fit in a message is left to be read by digest',
    async run(client) {
      const [large, larger] = [newBlob(3_000_000), newBlob(3_500_000)]
      await store(client, large, larger)
      const request = await put(client, { stdoutDigest: large.wire, stderrDigest: larger.wire })

      const result = await client.getActionResult({ ...request, inlineStdout: true, inlineStderr: true })

      assert.equal(result.stdoutRaw.byteLength, 3_000_000)
      assert.equal(result.stderrRaw.byteLength, 0)
    },
  },
  {
    name: 'UpdateActionResult: content within a result becomes blobs, and must match the digests beside it',
    async run(client) {
      const [file, stdout] = [newBlob(100), newBlob(200)]
      const request = await put(client, {
        outputFiles: [{ path: 'a', digest: file.wire, contents: file.bytes }],
        stdoutRaw: stdout.bytes,
      })

      const result = await client.getActionResult(request)

      assert.deepEqual(inlined(result), ['', '', ''])
      assert.equal(result.stdoutDigest?.hash, stdout.digest.hash)
      assert.ok((await client.read(`blobs/${file.digest.hash}/100`)).equals(file.bytes))
      assert.ok((await client.read(`blobs/${stdout.digest.hash}/200`)).equals(stdout.bytes))
      const wrong = put(client, { stderrDigest: file.wire, stderrRaw: stdout.bytes })
      await assertStatus(wrong, 'INVALID_ARGUMENT', 'content that does not match')
    },
  },
  {
    name: 'malformed digests are INVALID_ARGUMENT, and nothing is stored under them',
    async run(client) {
      for (const [what, digest] of malformedDigests) {
        await assertStatus(client.getActionResult({ actionDigest: digest }), 'INVALID_ARGUMENT', `Get: ${what}`)
        const update = client.updateActionResult({ actionDigest: digest, actionResult: {} })
        await assertStatus(update, 'INVALID_ARGUMENT', `Update: ${what}`)
        const action = newBlob(30).wire
        const output = client.updateActionResult({ actionDigest: action, actionResult: { stdoutDigest: digest } })
        await assertStatus(output, 'INVALID_ARGUMENT', `an output: ${what}`)
        await assertStatus(client.getActionResult({ actionDigest: action }), 'NOT_FOUND', `after an output: ${what}`)
      }
      await assertStatus(client.getActionResult({}), 'INVALID_ARGUMENT', 'no digest')
      await assertStatus(client.updateActionResult({ actionDigest: newBlob(5).wire }), 'INVALID_ARGUMENT', 'no result')
    },
  },
]

async function put(client: ReapiClient, actionResult: ResultInit): Promise<{ actionDigest: WireBlob['wire'] }> {
  const actionDigest = newBlob(30).wire
  await client.updateActionResult({ actionDigest, actionResult })
  return { actionDigest }
}

/** What is inlined: standard output, standard error, then each file. */
function inlined({ stdoutRaw, stderrRaw, outputFiles }: ActionResult): string[] {
  return [stdoutRaw, stderrRaw, ...outputFiles.map(({ contents }) => contents)].map((bytes) =>
    Buffer.from(bytes).toString(),
  )
}

function assertSameResult(actual: ActionResult, expected: ResultInit): void {
  assert.ok(equals(ActionResultSchema, actual, create(ActionResultSchema, expected)), 'another result than was stored')
}

function treeBlob(rootFile: WireBlob, childFile: WireBlob): WireBlob {
  const child = create(DirectorySchema, { files: [{ name: 'c', digest: childFile.wire }] })
  const childDigest = blobOf(toBinary(DirectorySchema, child)).wire
  const root = { files: [{ name: 'r', digest: rootFile.wire }], directories: [{ name: 'child', digest: childDigest }] }
  return blobOf(toBinary(TreeSchema, create(TreeSchema, { root, children: [child] })))
}

function directoryBlob(file: WireBlob, children: readonly WireBlob[]): WireBlob {
  const directory = create(DirectorySchema, {
    files: [{ name: 'f', digest: file.wire }],
    directories: children.map(({ wire }, index) => ({ name: `child${index}`, digest: wire })),
  })
  return blobOf(toBinary(DirectorySchema, directory))
}
