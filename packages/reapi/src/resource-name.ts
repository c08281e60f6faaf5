import type { Digest, DigestFunction } from '@caskade/core'
import { createDigest, formatDigest, StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import { inferDigestFunction } from './digests.ts'

/** How the bytes of a stream are compressed. */
export type StreamCompressor = 'identity' | 'zstd'

/** A blob as a resource of ByteStream. */
export interface BlobResource {
  readonly instanceName: string
  readonly digest: Digest
  readonly compressor: StreamCompressor
}

/** A blob on its way in. */
export interface UploadResource extends BlobResource {
  /** Chosen by the client to tell its uploads apart. */
  readonly uuid: string
}

/** Segments that end an instance name, and so cannot be part of one (Remote Execution API, comment on instance names). */
const KEYWORDS = new Set([
  'blobs',
  'uploads',
  'actions',
  'actionResults',
  'operations',
  'capabilities',
  'compressed-blobs',
])

const MAX_NAME_LENGTH = 2048

/**
 * Parses `{instance/}blobs/{function/}{hash}/{size}` or `{instance/}compressed-blobs/{compressor}/{function/}{hash}/{size}`
 * (Remote Execution API, comment on ContentAddressableStorage).
 *
 * @throws GrpcError `INVALID_ARGUMENT` when the name is malformed.
 */
export function parseReadName(name: string): BlobResource {
  const { instanceName, rest } = splitName(name)
  return { instanceName, ...parseBlob(name, rest, { allowsMore: false }) }
}

/**
 * Parses `{instance/}uploads/{uuid}/` followed by a blob as {@link parseReadName} takes it; what follows the size is
 * ignored.
 *
 * @throws GrpcError `INVALID_ARGUMENT` when the name is malformed.
 */
export function parseWriteName(name: string): UploadResource {
  const { instanceName, rest } = splitName(name)
  const [keyword, uuid = '', ...blob] = rest
  if (keyword !== 'uploads') throw malformed(name, 'to write, it must have uploads/{uuid} before the blob')
  if (uuid === '') throw malformed(name, 'the uuid after uploads is missing')
  return { instanceName, uuid, ...parseBlob(name, blob, { allowsMore: true }) }
}

/** Writes the name under which a blob is read. */
export function formatReadName({ instanceName, digest, compressor }: BlobResource): string {
  const prefix = instanceName === '' ? '' : `${instanceName}/`
  const kind = compressor === 'identity' ? 'blobs' : `compressed-blobs/${compressor}`
  // Only BLAKE3 must be said; older servers know no function in the name.
  const digestFunction = digest.digestFunction === 'blake3' ? 'blake3/' : ''
  return `${prefix}${kind}/${digestFunction}${formatDigest(digest)}`
}

/** Writes the name under which a blob is uploaded. */
export function formatWriteName({ instanceName, uuid, ...blob }: UploadResource): string {
  const prefix = instanceName === '' ? '' : `${instanceName}/`
  return `${prefix}uploads/${uuid}/${formatReadName({ ...blob, instanceName: '' })}`
}

function splitName(name: string): { instanceName: string; rest: string[] } {
  if (name.length > MAX_NAME_LENGTH) throw malformed(name, `it is longer than ${MAX_NAME_LENGTH} characters`)
  const segments = name.split('/')
  const start = segments.findIndex((segment) => KEYWORDS.has(segment))
  if (start === -1) throw malformed(name, 'it names neither blobs nor uploads')
  return { instanceName: segments.slice(0, start).join('/'), rest: segments.slice(start) }
}

function parseBlob(
  name: string,
  segments: readonly string[],
  { allowsMore }: { allowsMore: boolean },
): Omit<BlobResource, 'instanceName'> {
  const [keyword, ...rest] = segments
  if (keyword !== 'blobs' && keyword !== 'compressed-blobs')
    throw malformed(name, 'blobs or compressed-blobs is missing')
  const compressor = keyword === 'blobs' ? 'identity' : parseCompressor(name, rest.shift())
  const digestFunction = isFunctionName(rest[0]) ? (rest.shift() as DigestFunction) : undefined
  const [hash = '', size = '', ...more] = rest
  if (more.length > 0 && !allowsMore) throw malformed(name, 'there is more after the size')
  // Strictly decimal: Number() alone would take "1e3", " 7" and "0x10".
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size)) throw malformed(name, `${JSON.stringify(size)} is not a size in bytes`)
  try {
    return { compressor, digest: createDigest(hash, Number(size), digestFunction ?? inferDigestFunction(hash)) }
  } catch (error) {
    throw StorageError.is(error) ? malformed(name, error.message) : error
  }
}

function parseCompressor(name: string, compressor: string | undefined): StreamCompressor {
  if (compressor === 'identity' || compressor === 'zstd') return compressor
  throw malformed(name, `compressor ${JSON.stringify(compressor)} is not supported, only zstd`)
}

function isFunctionName(segment: string | undefined): boolean {
  return segment !== undefined && ['sha256', 'sha1', 'sha384', 'sha512', 'blake3'].includes(segment)
}

function malformed(name: string, reason: string): GrpcError {
  const shown = JSON.stringify(name.slice(0, 200))
  return new GrpcError(StatusCode.INVALID_ARGUMENT, `resource name ${shown} is malformed: ${reason}`)
}
