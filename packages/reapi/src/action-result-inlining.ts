import type { Digest, OperationOptions, StorageABC } from '@caskade/core'
import { digestOf, digestsEqual, formatDigest, StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { DigestReader, WireDigest } from './digests.ts'
import { toWireDigest } from './digests.ts'
import type { GetResultRequest } from './hot/action-result-messages.ts'
import type { ActionResult } from './messages.ts'
import { DigestSchema } from './messages.ts'
import { create } from '@bufbuild/protobuf'

/** What inlining needs to know besides the request. */
export interface InlineOptions extends OperationOptions {
  readonly storage: StorageABC
  readonly digests: DigestReader
  /** What may be inlined in all, in bytes. */
  readonly maxBytes: number
}

/** A place in a result where the content of a blob can stand beside its digest. */
interface InlineField {
  readonly kind: 'file' | 'stdout' | 'stderr'
  /** The path of a file; else the kind. */
  readonly name: string
  readonly digest: WireDigest | undefined
  readonly content: Uint8Array
  readonly set: (digest: WireDigest, content: Uint8Array) => void
}

const NOTHING: Uint8Array = new Uint8Array(0)

/**
 * Takes the content that a client put into a result out of it, leaving digests, and returns it as blobs: stored results
 * are small, and their content is kept once however many results name it.
 *
 * @throws GrpcError `INVALID_ARGUMENT` when content does not match the digest beside it.
 */
export function takeInlined(
  result: ActionResult,
  digests: DigestReader,
  requestedFunction: number,
): (readonly [Digest, Uint8Array])[] {
  const blobs: (readonly [Digest, Uint8Array])[] = []
  for (const { name, digest, content, set } of inlineFields(result)) {
    if (content.byteLength === 0) continue
    const actual = digestOf(content, digests.functionOf(requestedFunction, digest?.hash ?? ''))
    const said = digest === undefined ? actual : digests.read(digest, requestedFunction, name)
    if (!digestsEqual(said, actual)) {
      const message = `${name}: its content has digest ${formatDigest(actual)}, not ${formatDigest(said)}`
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
    }
    blobs.push([actual, content])
    set(toWireDigest(actual), NOTHING)
  }
  return blobs
}

/** Puts the content that a client asked for into a result, as far as it fits; what does not, the client reads by digest. */
export async function inlineRequested(
  result: ActionResult,
  request: GetResultRequest,
  { storage, digests, maxBytes, signal }: InlineOptions,
): Promise<void> {
  const paths = new Set(request.inlineOutputFiles)
  const isWanted = { stdout: request.inlineStdout, stderr: request.inlineStderr }
  let rest = maxBytes
  for (const { kind, name, digest: wireDigest, content, set } of inlineFields(result)) {
    if (!(kind === 'file' ? paths.has(name) : isWanted[kind])) continue
    if (wireDigest === undefined || content.byteLength > 0) continue
    const digest = digests.read(wireDigest, request.digestFunction, name)
    if (digest.sizeBytes > rest) continue
    const bytes = await readBlob(storage, digest, { signal })
    if (bytes === null) continue
    set(wireDigest, bytes)
    rest -= bytes.byteLength
  }
}

function* inlineFields(result: ActionResult): Generator<InlineField, void, undefined> {
  yield {
    kind: 'stdout',
    name: 'stdout',
    digest: result.stdoutDigest,
    content: result.stdoutRaw,
    set(digest, content) {
      result.stdoutDigest = create(DigestSchema, digest)
      result.stdoutRaw = content
    },
  }
  yield {
    kind: 'stderr',
    name: 'stderr',
    digest: result.stderrDigest,
    content: result.stderrRaw,
    set(digest, content) {
      result.stderrDigest = create(DigestSchema, digest)
      result.stderrRaw = content
    },
  }
  for (const file of result.outputFiles) {
    yield {
      kind: 'file',
      name: file.path,
      digest: file.digest,
      content: file.contents,
      set(digest, content) {
        file.digest = create(DigestSchema, digest)
        file.contents = content
      },
    }
  }
}

async function readBlob(storage: StorageABC, digest: Digest, options: OperationOptions): Promise<Uint8Array | null> {
  try {
    const reader = await storage.getBlob(digest, options)
    return reader === null ? null : await reader.bytes()
  } catch (error) {
    if (StorageError.is(error, 'corrupt')) return null
    throw error
  }
}
