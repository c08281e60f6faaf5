import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { checkFullDisk, checkKills, type KillModule } from '@caskade/conformance'
import { describe, expect, test } from 'vitest'
import { ReapiClient } from '../src/testing/reapi-client.fixture.ts'
import type { WireBlob } from '../src/testing/reapi-support.fixture.ts'
import { blobOf, writeNameOf } from '../src/testing/reapi-support.fixture.ts'
import { durableModules } from './support/durable-modules.ts'
import { times } from './support/effort.ts'
import { temporaryFolder } from './support/folders.ts'
import { createRandom } from './support/random.ts'
import { startServerProcess } from './support/server-process.ts'
import { onSmallDisk } from './support/small-disk.ts'

const KILLS = times(30, 100)

/** What gRPC calls a full disk: the one code for it that Bazel does not retry. */
const FAILED_PRECONDITION = 9

const INSUFFICIENT_STORAGE = 507

describe.each(durableModules)('$name', ({ name, module, leftovers }) => {
  test(`loses nothing that it acknowledged over ${KILLS} kills, and leaves nothing`, async () => {
    using folder = temporaryFolder('kills')
    const seed = Math.floor(createRandom(`kills of ${name}`)() * 2 ** 32)

    const checking = checkKills({ module, directory: folder.path, seed, rounds: KILLS, leftovers })

    await expect(checking).resolves.toBeUndefined()
  })

  test.each([[[200_000, 16_000, 1000]], [[16_000]], [[1000]]])(
    'lives with a disk full of blobs of %j bytes',
    async (blobSizes) => {
      const { open } = (await import(module.href)) as KillModule
      await onSmallDisk(async ({ directory }) => {
        const checking = checkFullDisk({ open, directory, blobSizes, leftovers })

        await expect(checking).resolves.toBeUndefined()
      })
    },
  )
})

describe('a server on a full disk', () => {
  test('refuses uploads in a way that is not repeated, reads on, and takes uploads again once there is room', async () => {
    await onSmallDisk(async ({ directory, filler }) => {
      await using server = await startServerProcess(directory)
      using client = new ReapiClient(server.grpc)
      const put = (blob: WireBlob): Promise<number> => putBlob(server.http, blob)
      const stored = await uploadUntilFull(put)

      expect(await put(newBlob(3_000_000))).toBe(INSUFFICIENT_STORAGE)
      for (const size of [3_000_000, 100_000]) {
        const blob = newBlob(size)
        await expect(client.upload(writeNameOf(blob), blob.bytes)).rejects.toMatchObject({ code: FAILED_PRECONDITION })
      }
      await expectStored(client, stored)

      rmSync(filler)
      for (const size of [3_000_000, 100_000, 1000]) {
        const [overHttp, overGrpc] = [newBlob(size), newBlob(size)]
        expect(await put(overHttp)).toBe(200)
        await client.upload(writeNameOf(overGrpc), overGrpc.bytes)
        stored.push(overHttp, overGrpc)
      }
      await expectStored(client, stored)
    })
  })
})

function newBlob(sizeBytes: number): WireBlob {
  return blobOf(randomBytes(sizeBytes))
}

/** Uploads a blob over HTTP; resolves to the status. */
async function putBlob(base: string, { bytes, digest }: WireBlob): Promise<number> {
  const { status } = await fetch(`${base}/cas/${digest.hash}`, { method: 'PUT', body: bytes })
  return status
}

/** Uploads blobs until none of any size is taken; resolves to those that were. */
async function uploadUntilFull(put: (blob: WireBlob) => Promise<number>): Promise<WireBlob[]> {
  const stored: WireBlob[] = []
  const refusals: number[] = []
  for (const size of [3_000_000, 100_000, 10_000]) {
    let blob = newBlob(size)
    let status = await put(blob)
    for (; status === 200; status = await put(blob)) {
      stored.push(blob)
      blob = newBlob(size)
    }
    refusals.push(status)
  }
  expect(refusals).toEqual([INSUFFICIENT_STORAGE, INSUFFICIENT_STORAGE, INSUFFICIENT_STORAGE])
  return stored
}

async function expectStored(client: ReapiClient, blobs: readonly WireBlob[]): Promise<void> {
  const { missingBlobDigests } = await client.findMissingBlobs({ blobDigests: blobs.map(({ wire }) => wire) })
  expect(missingBlobDigests).toEqual([])
  for (const { digest, bytes } of blobs) {
    const read = await client.read(`blobs/${digest.hash}/${digest.sizeBytes}`)
    expect(read.equals(bytes)).toBe(true)
  }
}
