import type { Digest, Status } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { BatchReadItem } from './hot/batch-read-messages.ts'
import { Compressor_Value as Compressor } from './messages.ts'
import { toRpcStatus } from './status-mapping.ts'
import { WorkTurns } from './work-turns.ts'
import { compressSmall } from './zstd.ts'

/** What an answer takes besides its hash when it has neither content nor a message: tags, lengths, size and status code. */
const BARE_ITEM_BYTES = 28

/** What content or a message takes besides itself. */
const FIELD_BYTES = 8

/** Smaller blobs are sent as they are even to clients that take zstd: compressing them gains nothing. */
const COMPRESS_FROM_BYTES = 1024

/** How many items one counts as that may have to be compressed. */
const ITEMS_COMPRESSED = 32

/** How the answers to a batch are written. */
export interface BatchReadOptions {
  /** What they may come to when they are encoded, in bytes. */
  readonly maxBytes: number
  readonly isZstdAccepted: boolean
}

/**
 * Makes an answer for each digest of a batch. What was read and no longer fits is answered with RESOURCE_EXHAUSTED, so
 * that the client asks for it again.
 *
 * @throws GrpcError `INVALID_ARGUMENT` when not even the answers without content would fit.
 */
export async function answerBatchRead(
  digests: readonly Digest[],
  outcomes: ReadonlyMap<string, Uint8Array | Status>,
  { maxBytes, isZstdAccepted }: BatchReadOptions,
): Promise<BatchReadItem[]> {
  let rest = digests.reduce((left, { hash }) => left - hash.length - BARE_ITEM_BYTES, maxBytes)
  if (rest < 0) {
    const message = `the answers for ${digests.length} blobs do not fit in ${maxBytes} bytes`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }
  const items: BatchReadItem[] = []
  const turns = new WorkTurns()
  for (const digest of digests) {
    const turn = turns.take(isZstdAccepted ? ITEMS_COMPRESSED : 1)
    if (turn !== undefined) await turn
    const answer = await encodeOutcome(digest, outcomes.get(digest.hash), isZstdAccepted)
    const { data, status } = answer
    const extraBytes = sizeOf(data?.byteLength) + sizeOf(Buffer.byteLength(status.message ?? ''))
    const doesFit = extraBytes <= rest
    if (doesFit) rest -= extraBytes
    const code = data === undefined ? status.code : StatusCode.RESOURCE_EXHAUSTED
    items.push({ digest, ...(doesFit ? answer : { status: { code } }) })
  }
  return items
}

function sizeOf(length = 0): number {
  return length === 0 ? 0 : length + FIELD_BYTES
}

async function encodeOutcome(
  { sizeBytes }: Digest,
  outcome: Uint8Array | Status | undefined,
  isZstdAccepted: boolean,
): Promise<Omit<BatchReadItem, 'digest'>> {
  if (outcome !== undefined && 'code' in outcome) return { status: toRpcStatus(outcome) }
  // The map is by hash; a digest with another size names nothing.
  if (outcome?.byteLength !== sizeBytes) {
    return { status: { code: StatusCode.NOT_FOUND, message: 'the blob is not stored' } }
  }
  const status = { code: StatusCode.OK }
  if (isZstdAccepted && sizeBytes >= COMPRESS_FROM_BYTES) {
    const data = await compressSmall(outcome)
    if (data.byteLength < sizeBytes) return { data, compressor: Compressor.ZSTD, status }
  }
  return { data: outcome, compressor: Compressor.IDENTITY, status }
}
