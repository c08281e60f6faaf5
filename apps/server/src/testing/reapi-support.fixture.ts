import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { Digest } from '@caskade/core'
import { digestOf } from '@caskade/core'
import { StatusCode } from '@caskade/grpc'
import { formatWriteName } from '@caskade/reapi'
import type { ReapiClient } from './reapi-client.fixture.ts'

/** One rule of the protocol in one situation, checked over the network. */
export interface ReapiCase {
  readonly name: string
  readonly run: (client: ReapiClient) => Promise<void>
}

/** Content with its digest, in both forms. */
export interface WireBlob {
  readonly bytes: Buffer
  readonly digest: Digest
  readonly wire: { readonly hash: string; readonly sizeBytes: bigint }
}

let made = 0

/** Makes content that no other call in this process makes, most of it compressible. Distinct from 4 bytes on. */
export function newBlob(sizeBytes: number): WireBlob {
  const bytes = Buffer.alloc(sizeBytes)
  const seed = `${(made++).toString(36).padStart(4, '0')} `
  for (let at = 0; at < sizeBytes; at += 64) bytes.write(seed + at, at)
  return blobOf(bytes)
}

/** Content with its digest. */
export function blobOf(bytes: Uint8Array): WireBlob {
  const digest = digestOf(bytes)
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { bytes: buffer, digest, wire: { hash: digest.hash, sizeBytes: BigInt(digest.sizeBytes) } }
}

/** The name under which a blob is uploaded. */
export function writeNameOf(
  { digest }: WireBlob,
  instanceName = '',
  compressor: 'identity' | 'zstd' = 'identity',
): string {
  return formatWriteName({ instanceName, digest, compressor, uuid: `upload-${made++}` })
}

/** Stores blobs, whatever their size. */
export async function store(client: ReapiClient, ...blobs: readonly WireBlob[]): Promise<void> {
  for (const blob of blobs) await client.upload(writeNameOf(blob), blob.bytes, 1024 * 1024)
}

/** Fails unless the call rejects with this status. */
export async function assertStatus(
  call: Promise<unknown>,
  status: keyof typeof StatusCode,
  what: string,
): Promise<void> {
  const outcome = await call.then(
    () => 'OK',
    (error: { code?: number; details?: string }) => nameOf(error.code) ?? inspect(error),
  )
  assert.equal(outcome, status, what)
}

/** Fails if any of the blobs is stored. */
export async function assertNotStored(client: ReapiClient, ...blobs: readonly WireBlob[]): Promise<void> {
  const { missingBlobDigests } = await client.findMissingBlobs({ blobDigests: blobs.map(({ wire }) => wire) })
  assert.equal(missingBlobDigests.length, blobs.length, 'something was stored that must not be')
}

/** The name of a status code. */
export function nameOf(code: number | undefined): string | undefined {
  return Object.entries(StatusCode).find(([, value]) => value === code)?.[0]
}

/** Digests that are not digests, each with what is wrong. */
export const malformedDigests: readonly (readonly [string, { hash: string; sizeBytes: bigint }])[] = [
  ['a path', { hash: '../../etc/passwd'.padEnd(64, '/'), sizeBytes: 10n }],
  ['a path padded to 64 characters', { hash: '../../etc/passwd'.padEnd(64, '0'), sizeBytes: 10n }],
  ['upper case', { hash: 'A'.repeat(64), sizeBytes: 10n }],
  ['63 characters', { hash: 'a'.repeat(63), sizeBytes: 10n }],
  ['65 characters', { hash: 'a'.repeat(65), sizeBytes: 10n }],
  ['no hash', { hash: '', sizeBytes: 10n }],
  ['a negative size', { hash: 'a'.repeat(64), sizeBytes: -1n }],
  ['a size beyond what is exact', { hash: 'a'.repeat(64), sizeBytes: 2n ** 62n }],
]
