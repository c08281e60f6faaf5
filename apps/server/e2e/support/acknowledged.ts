import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { ReapiClient } from '../../src/testing/reapi-client.fixture.ts'
import type { WireBlob } from '../../src/testing/reapi-support.fixture.ts'
import { blobOf, writeNameOf } from '../../src/testing/reapi-support.fixture.ts'

/** What a server acknowledged: blobs, and the actions whose results name one of them. */
export interface Acknowledged {
  readonly blobs: WireBlob[]
  readonly actions: { readonly action: WireBlob; readonly output: WireBlob }[]
}

/** Uploads one blob. */
export type Upload = (blob: WireBlob) => Promise<void>

/** Uploads through a client of the Remote Execution API. */
export function grpcUpload(client: ReapiClient): Upload {
  return async (blob) => void (await client.upload(writeNameOf(blob), blob.bytes))
}

/** Uploads to `http://host:port`. */
export function httpUpload(base: string): Upload {
  return async ({ bytes, digest }) => {
    const { status } = await fetch(`${base}/cas/${digest.hash}`, { method: 'PUT', body: bytes })
    if (status !== 200) throw new Error(`status ${status}`)
  }
}

/** Uploads one blob after the other until the server is gone. */
export async function uploadUntilRefused(
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

/** Asserts that everything acknowledged is there, and that all that is there is whole. */
export async function verify(
  client: ReapiClient,
  acknowledged: Acknowledged,
  attempted: readonly WireBlob[],
): Promise<void> {
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
