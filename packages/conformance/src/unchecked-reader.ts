import type { BlobReader } from '@caskade/core'

/**
 * Makes a reader that delivers the given chunks, whatever `sizeBytes` says: the readers of core would notice. For
 * sources and storages that misbehave. `release` is called, perhaps more than once, when
 * the reading ends or the reader is disposed.
 */
export function uncheckedReader(
  sizeBytes: number,
  chunks: AsyncIterable<Uint8Array>,
  release: () => void | PromiseLike<void> = () => undefined,
): BlobReader {
  const releasing = releasingChunks(chunks, release)
  // A generator that was never started skips its `finally`, so leaving it must release by itself.
  const leave = releasing.return.bind(releasing)
  releasing.return = async (value) => {
    await release()
    return leave(value)
  }
  return {
    sizeBytes,
    [Symbol.asyncIterator]: () => releasing,
    async bytes() {
      return Buffer.concat(await Array.fromAsync(releasing))
    },
    stream: () => ReadableStream.from(releasing),
    async [Symbol.asyncDispose]() {
      // Not awaited beyond the release: a generator that is stuck never gets there.
      leave().catch(() => undefined)
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
