import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ReapiClient } from '../src/testing/reapi-client.fixture.ts'
import type { WireBlob } from '../src/testing/reapi-support.fixture.ts'
import { blobOf, writeNameOf } from '../src/testing/reapi-support.fixture.ts'
import { times } from './support/effort.ts'
import { snapshot, temporaryFolder } from './support/folders.ts'
import { createRandom } from './support/random.ts'
import { startServerProcess } from './support/server-process.ts'

const ROUNDS = times(8, 15)
const UPLOADERS = 8

/** What a server acknowledged: blobs, and the actions whose results name one of them. */
interface Acknowledged {
  readonly blobs: WireBlob[]
  readonly actions: { readonly action: WireBlob; readonly output: WireBlob }[]
}

describe('SIGKILL in the middle of uploads', () => {
  test(`${ROUNDS} rounds lose nothing that was acknowledged, and serve nothing that is torn`, async () => {
    using folder = temporaryFolder('crash')
    const random = createRandom('crash')
    const acknowledged: Acknowledged = { blobs: [], actions: [] }
    const attempted: WireBlob[] = []

    for (let round = 0; round < ROUNDS; round++) {
      const server = await startServerProcess(folder.path)
      using client = new ReapiClient(server.grpc)
      await verify(client, acknowledged, attempted)
      const enough = Promise.withResolvers<void>()
      let countdown = 5 + Math.floor(random() * 60)
      const uploading = Array.from({ length: UPLOADERS }, (_, index) =>
        uploadUntilRefused(
          index % 2 === 0 ? grpcUpload(client) : httpUpload(server.http),
          async (blob) => {
            acknowledged.blobs.push(blob)
            const action = blobOf(randomBytes(20))
            await client.updateActionResult({ actionDigest: action.wire, actionResult: { stdoutDigest: blob.wire } })
            acknowledged.actions.push({ action, output: blob })
            countdown -= 1
            if (countdown === 0) enough.resolve()
          },
          attempted,
          random,
        ),
      )
      await enough.promise
      await server.kill()
      await Promise.all(uploading)
    }

    await using server = await startServerProcess(folder.path)
    using client = new ReapiClient(server.grpc)
    await verify(client, acknowledged, attempted)
    expect(snapshot(join(folder.path, 'caskade-uploads'), (path) => !path.endsWith('.owner'))).toEqual([])
    expect(acknowledged.blobs.length).toBeGreaterThan(ROUNDS * 5)
    expect(attempted.length).toBeGreaterThan(acknowledged.blobs.length)
  })
})

type Upload = (blob: WireBlob) => Promise<void>

function grpcUpload(client: ReapiClient): Upload {
  return async (blob) => void (await client.upload(writeNameOf(blob), blob.bytes))
}

function httpUpload(base: string): Upload {
  return async ({ bytes, digest }) => {
    const { status } = await fetch(`${base}/cas/${digest.hash}`, { method: 'PUT', body: bytes })
    if (status !== 200) throw new Error(`status ${status}`)
  }
}

/** Uploads one blob after the other until the server is gone. */
async function uploadUntilRefused(
  upload: Upload,
  onAcknowledged: (blob: WireBlob) => Promise<void>,
  attempted: WireBlob[],
  random: () => number,
): Promise<void> {
  try {
    for (;;) {
      // Rows, files, and uploads that go through a file on their way.
      const size = [200, 20_000, 3_000_000][Math.floor(random() * 3)] ?? 200
      const blob = blobOf(randomBytes(1 + Math.floor(random() * size)))
      attempted.push(blob)
      await upload(blob)
      await onAcknowledged(blob)
    }
  } catch {
    // The server was killed.
  }
}

async function verify(client: ReapiClient, acknowledged: Acknowledged, attempted: readonly WireBlob[]): Promise<void> {
  const { missingBlobDigests } = await client.findMissingBlobs({ blobDigests: attempted.map(({ wire }) => wire) })
  const missing = new Set(missingBlobDigests.map(({ hash }) => hash))
  expect(acknowledged.blobs.filter(({ digest }) => missing.has(digest.hash))).toEqual([])
  for (const { digest, bytes } of attempted) {
    if (missing.has(digest.hash)) continue
    const read = await client.read(`blobs/${digest.hash}/${digest.sizeBytes}`)
    expect(read.equals(bytes)).toBe(true)
  }
  for (const { action, output } of acknowledged.actions) {
    const { stdoutDigest } = await client.getActionResult({ actionDigest: action.wire })
    expect(stdoutDigest?.hash).toBe(output.digest.hash)
  }
}
