import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ReapiClient } from '../src/testing/reapi-client.fixture.ts'
import type { WireBlob } from '../src/testing/reapi-support.fixture.ts'
import { blobOf } from '../src/testing/reapi-support.fixture.ts'
import type { Acknowledged } from './support/acknowledged.ts'
import { grpcUpload, httpUpload, uploadUntilRefused, verify } from './support/acknowledged.ts'
import { times } from './support/effort.ts'
import { snapshot, temporaryFolder } from './support/folders.ts'
import { createRandom } from './support/random.ts'
import { startServerProcess } from './support/server-process.ts'

const ROUNDS = times(8, 15)
const UPLOADERS = 8

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
