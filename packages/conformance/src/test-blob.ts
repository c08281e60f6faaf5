import {
  type BlobSource,
  type Digest,
  type DigestFunction,
  digestOf,
  readerFromChunks,
  sourceFromBytes,
} from '@caskade/core'
import { uncheckedReader } from './unchecked-reader.ts'

/** Content together with its digest. */
export interface TestBlob {
  readonly bytes: Uint8Array
  readonly digest: Digest
}

/** Makes content that looks random and is the same for the same seed and size, on every machine. */
export function makeBlob(seed: number, sizeBytes: number, digestFunction?: DigestFunction): TestBlob {
  const bytes = new Uint8Array(sizeBytes)
  let state = (seed * 2_654_435_761 + sizeBytes) >>> 0
  for (let index = 0; index < sizeBytes; index++) {
    // A linear congruential generator; its high bits are random enough to have no two blobs alike.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[index] = state >>> 24
  }
  return { bytes, digest: digestOf(bytes, digestFunction) }
}

/** Makes several different blobs of one size. */
export function makeBlobs(count: number, sizeBytes: number, firstSeed = 1): TestBlob[] {
  return Array.from({ length: count }, (_, index) => makeBlob(firstSeed + index, sizeBytes))
}

/** Makes the source of a blob held in memory. */
export function sourceOf({ bytes }: TestBlob): BlobSource {
  return sourceFromBytes(bytes)
}

/** Makes a source that delivers the given chunks, whatever `sizeBytes` says. */
export function sourceOfChunks(sizeBytes: number, chunks: readonly Uint8Array[]): BlobSource {
  // A source need not check its own length, so the storage must.
  return { sizeBytes, open: () => uncheckedReader(sizeBytes, toAsync(chunks)) }
}

/** Makes a source that delivers half of a blob and then fails. */
export function failingSource({ bytes }: TestBlob, failure: Error): BlobSource {
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes.subarray(0, Math.ceil(bytes.byteLength / 2))
    throw failure
  }
  return { sizeBytes: bytes.byteLength, open: (options) => readerFromChunks(bytes.byteLength, chunks(), options) }
}

/** A source that stops half-way until it is told to go on. */
export interface GatedSource extends BlobSource {
  /** Resolves once somebody has taken the first half and asks for more. */
  readonly reachedGate: Promise<void>
  /** Delivers the second half, to everybody. */
  openGate(): void
}

/** Makes a source that delivers half of a blob, then waits. */
export function gatedSource({ bytes }: TestBlob): GatedSource {
  const reached = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const half = Math.floor(bytes.byteLength / 2)
    yield bytes.subarray(0, half)
    reached.resolve()
    await gate.promise
    yield bytes.subarray(half)
  }
  return {
    sizeBytes: bytes.byteLength,
    open: (options) => readerFromChunks(bytes.byteLength, chunks(), options),
    reachedGate: reached.promise,
    openGate: gate.resolve,
  }
}

async function* toAsync(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks
}
