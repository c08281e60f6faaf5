import type { MessageInitShape } from '@bufbuild/protobuf'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import type { ActionResult, DigestFunction_Value } from '../messages.ts'
import { ActionResultSchema, GetActionResultRequestSchema, NodePropertiesSchema } from '../messages.ts'
import { decodeGetResultRequest, readResultDigests } from './action-result-messages.ts'
import { Random } from './random.fixture.ts'

const ROUNDS = 300
const seed = Number(process.env['CASKADE_TEST_SEED'] ?? 20_261_127)
process.stdout.write(`action result messages: seed ${seed}\n`)

test('a GetActionResultRequest is read as the generated code reads it', () => {
  const random = new Random(seed)
  for (let round = 0; round < ROUNDS; round += 1) {
    const message = create(GetActionResultRequestSchema, {
      instanceName: random.text(),
      ...(random.below(5) > 0 && { actionDigest: random.digest() }),
      inlineStdout: random.below(2) > 0,
      inlineStderr: random.below(2) > 0,
      inlineOutputFiles: random.list(() => random.text()),
      digestFunction: random.enumValue<DigestFunction_Value>(),
    })
    const bytes = random.scrambled(toBinary(GetActionResultRequestSchema, message))

    const { actionDigest, $typeName: _, $unknown: __, ...expected } = fromBinary(GetActionResultRequestSchema, bytes)

    expect(decodeGetResultRequest(bytes)).toEqual({
      ...expected,
      actionDigest: actionDigest && plainDigest(actionDigest),
    })
  }
})

test('an ActionResult names what the generated code finds in it, in one piece or in two', () => {
  const random = new Random(seed)
  for (let round = 0; round < ROUNDS; round += 1) {
    // Put together, encoded messages are merged (Protocol Buffers, "Last One Wins").
    const parts = [randomResult(random), randomResult(random)].slice(0, 1 + random.below(2))
    const bytes = random.scrambled(
      Buffer.concat(parts.map((part) => toBinary(ActionResultSchema, create(ActionResultSchema, part)))),
    )

    expect(readResultDigests(bytes)).toEqual(namedBy(fromBinary(ActionResultSchema, bytes)))
  }
})

test('an ActionResult that is cut off anywhere within a field is malformed for both', () => {
  const whole = toBinary(
    ActionResultSchema,
    create(ActionResultSchema, {
      outputFiles: [
        { path: 'out', digest: { hash: 'a'.repeat(64), sizeBytes: 300n }, nodeProperties: { mtime: { nanos: 1 } } },
      ],
      outputSymlinks: [{ path: 'link', target: 'out', nodeProperties: { unixMode: 420 } }],
      outputDirectories: [{ path: 'dir', treeDigest: { hash: 'b'.repeat(64), sizeBytes: 1n } }],
      executionMetadata: { worker: 'w', queuedTimestamp: { seconds: 1n } },
    }),
  )
  const lengths = Array.from({ length: whole.byteLength }, (_, length) => length)
  const refusedBy = (read: (bytes: Buffer) => unknown): number[] =>
    lengths.filter((length) => !isWellFormed(Buffer.from(whole.subarray(0, length)), read))

  const refused = refusedBy(readResultDigests)

  expect(refused).toEqual(refusedBy((bytes) => fromBinary(ActionResultSchema, bytes)))
  expect(refused.length).toBeGreaterThan(100)
})

test.each([
  ['a timestamp', { executionMetadata: { queuedTimestamp: { seconds: 1n } } }],
  ['properties of a file', { outputFiles: [{ nodeProperties: { mtime: { seconds: 1n } } }] }],
  ['properties of a symlink', { outputSymlinks: [{ nodeProperties: { mtime: { seconds: 1n } } }] }],
])('an ActionResult is malformed for both when %s within it ends in the middle of a number', (_, content) => {
  const bytes = Buffer.from(toBinary(ActionResultSchema, create(ActionResultSchema, content)))
  bytes[bytes.byteLength - 1] = 0x80

  expect(() => fromBinary(ActionResultSchema, bytes)).toThrow(Error)
  expect(() => readResultDigests(bytes)).toThrow(RangeError)
})

test('a request for more outputs than anybody has is refused', () => {
  const bytes = Buffer.from('2a00'.repeat(100_001), 'hex')

  expect(() => decodeGetResultRequest(bytes)).toThrow('more than 100000 outputs')
  expect(decodeGetResultRequest(bytes.subarray(2)).inlineOutputFiles).toHaveLength(100_000)
})

function randomResult(random: Random): MessageInitShape<typeof ActionResultSchema> {
  const maybe = <Value>(value: Value): Value | undefined => (random.below(3) > 0 ? value : undefined)
  const nodeProperties = (): MessageInitShape<typeof NodePropertiesSchema> => ({
    properties: random.list(() => ({ name: random.text(), value: random.text() })),
    mtime: { seconds: -5n, nanos: 7 },
  })
  return {
    outputFiles: random.list(() => ({
      path: random.text(),
      digest: maybe(random.digest()),
      isExecutable: random.below(2) > 0,
      contents: random.bytes(random.below(9)),
      nodeProperties: maybe(nodeProperties()),
    })),
    outputDirectories: random.list(() => ({
      path: random.text(),
      treeDigest: maybe(random.digest()),
      rootDirectoryDigest: maybe(random.digest()),
    })),
    outputSymlinks: random.list(() => ({ path: random.text(), target: 'x', nodeProperties: maybe(nodeProperties()) })),
    exitCode: random.pick([0, 1, -1]),
    stdoutRaw: random.bytes(random.below(9)),
    stdoutDigest: maybe(random.digest()),
    stderrDigest: maybe(random.digest()),
    executionMetadata: maybe({
      worker: random.text(),
      queuedTimestamp: { seconds: 1_700_000_000n, nanos: 5 },
      auxiliaryMetadata: random.list(() => ({ typeUrl: 'a/b', value: random.bytes(20) })),
    }),
  }
}

function namedBy({ outputFiles, outputDirectories, stdoutDigest, stderrDigest }: ActionResult): object {
  const blobs = [...outputFiles.map(({ digest }) => digest), stdoutDigest, stderrDigest]
  return {
    blobs: blobs.filter((digest) => digest !== undefined).map(plainDigest),
    directories: outputDirectories.map(({ treeDigest, rootDirectoryDigest }) => ({
      treeDigest: treeDigest && plainDigest(treeDigest),
      rootDirectoryDigest: rootDirectoryDigest && plainDigest(rootDirectoryDigest),
    })),
  }
}

function plainDigest({ hash, sizeBytes }: { hash: string; sizeBytes: bigint }): { hash: string; sizeBytes: number } {
  return { hash, sizeBytes: Number(sizeBytes) }
}

function isWellFormed(bytes: Buffer, read: (bytes: Buffer) => unknown): boolean {
  try {
    read(bytes)
    return true
  } catch {
    return false
  }
}
