import type { BlobReader } from '@caskade/core'

/**
 * Makes a reader that delivers the given chunks, whatever `sizeBytes` says: the readers of core would notice. For
 * sources and storages that misbehave. `release` is called when the reading ends or the reader is disposed.
 */
export function uncheckedReader(
  sizeBytes: number,
  chunks: AsyncIterable<Uint8Array>,
  release: () => void | PromiseLike<void> = () => undefined,
): BlobReader {
  const releasing = releasingChunks(chunks, release)
  return {
    sizeBytes,
    [Symbol.asyncIterator]: () => releasing,
    async bytes() {
      return Buffer.concat(await Array.fromAsync(releasing))
    },
    stream: () => ReadableStream.from(releasing),
    async [Symbol.asyncDispose]() {
      // A generator that was never started skips its `finally`, and one that is stuck never gets there.
      void releasing.return().catch(() => undefined)
      await release()
    },
  }
}

async function* releasingChunks(
  chunks: AsyncIterable<Uint8Array>,
  release: () => void | PromiseLike<void>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks
  } finally {
    await release()
  }
}
