import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { connect, constants } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { onStorageEvent } from '@caskade/core'
import { ReadRequestSchema } from '@caskade/reapi/messages'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { eventually } from './testing/eventually.fixture.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import type { WireBlob } from './testing/reapi-support.fixture.ts'
import { blobOf, store } from './testing/reapi-support.fixture.ts'

let directory: string
let server: RunningServer
let client: ReapiClient

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-cancelled-'))
  const backend = { type: 'sqlite', path: 'store' }
  const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory, backend }
  server = await startServer(config, { baseDirectory: directory })
  client = new ReapiClient(formatAddress(server.grpcAddress))
})

afterEach(async () => {
  client[Symbol.dispose]()
  await server.stop()
  rmSync(directory, { recursive: true })
})

/** The files of large blobs that are open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`)
      return path.startsWith(join(directory, 'store', 'files')) ? [path] : []
    } catch {
      return []
    }
  })
}

/** Begins to read, and cancels once the first bytes are there. */
async function readAndCancel(resourceName: string): Promise<void> {
  const session = connect(`http://${formatAddress(server.grpcAddress)}`)
  const call = session.request({
    ':method': 'POST',
    ':path': '/google.bytestream.ByteStream/Read',
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  const message = toBinary(ReadRequestSchema, create(ReadRequestSchema, { resourceName }))
  call.end(Buffer.concat([Buffer.from([0, 0, 0, 0, message.byteLength]), message]))
  await once(call, 'readable')
  call.close(constants.NGHTTP2_CANCEL)
  await once(call, 'close')
  session.destroy()
}

describe('a read that its client cancels half-way', () => {
  test.runIf(process.platform === 'linux').each(['blobs', 'compressed-blobs/zstd'])(
    'gives back what it held: %s',
    async (kind) => {
      const blob = blobOf(randomBytes(20_000_000))
      await store(client, blob)

      for (let round = 0; round < 10; round++) await readAndCancel(`${kind}/${blob.digest.hash}/20000000`)

      await eventually(() => expect(openFiles()).toEqual([]))
      const events: string[] = []
      using unsubscribe = new DisposableStack()
      unsubscribe.defer(onStorageEvent(({ kind: each }) => events.push(each)))
      await server.stop()
      expect(events).toEqual([])
    },
  )

  test('takes nothing from others that go on', async () => {
    const blobs = [300_000, 1_000_000, 3_000_000].map((size) => blobOf(randomBytes(size)))
    await store(client, ...blobs)
    const nameOf = ({ digest }: WireBlob): string => `blobs/${digest.hash}/${digest.sizeBytes}`
    const isRight = async (blob: WireBlob): Promise<boolean> => blob.bytes.equals(await client.read(nameOf(blob)))

    for (let round = 0; round < 3; round++) {
      const cancelled = blobs.map((blob) => readAndCancel(nameOf(blob)))
      const answers = await Promise.all([...blobs, ...blobs].map(isRight))
      await Promise.all(cancelled)
      expect(answers).not.toContain(false)
    }
  })
})
