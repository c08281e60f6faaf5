import { abortable } from './abortable.ts'
import type { BlobReader } from './blob-reader.ts'
import type { BlobSource } from './blob-source.ts'
import { bytesOfSource } from './blob-source.ts'
import type { Digest } from './digest.ts'
import { exactDigestKey } from './digest.ts'
import type { OperationOptions } from './operation-options.ts'

/** A writer that gets nothing from its source for so long is no longer waited for, in milliseconds; or for twice as long. */
const PATIENCE_MS = 500

/** How a write takes its turn. */
export interface WriteTurn extends OperationOptions {
  /** Tells whether the blob is stored already, so that there is nothing to write. */
  readonly isStored: () => boolean | Promise<boolean>
  /** Stores the blob from the source that it is given, which is the writer's own. */
  readonly write: (source: BlobSource) => Promise<void>
}

/**
 * Has one writer of a blob at work at a time; the others wait, and write only if it fails or its source is stuck.
 *
 * For storages that set room aside for a write under way: many writers of one blob then need the room of one. A writer
 * that finds the blob stored when its turn comes does not read its source.
 */
export class WriteTurns {
  readonly #leaders = new Map<string, Leader>()

  /**
   * Waits for the writer of the blob that is ahead, then writes unless the blob is there. Resolves to whether it has
   * written; rejects with what its own `write` fails with, and with the signal's reason.
   */
  async take(digest: Digest, source: BlobSource, { isStored, write, signal }: WriteTurn): Promise<boolean> {
    const key = exactDigestKey(digest)
    for (;;) {
      const stored = isStored()
      if (typeof stored === 'boolean' ? stored : await stored) return false
      const ahead = this.#leaders.get(key)
      if (ahead === undefined) break
      await abortable(ahead.isOver(), signal)
    }
    await this.#lead(key, source, write)
    return true
  }

  async #lead(key: string, source: BlobSource, write: WriteTurn['write']): Promise<void> {
    const leader = new Leader(() => {
      if (this.#leaders.get(key) === leader) this.#leaders.delete(key)
    })
    this.#leaders.set(key, leader)
    try {
      await write(observedSource(source, () => leader.noteChunk()))
    } finally {
      leader.giveWay()
    }
  }
}

/** The writer that others wait for. */
class Leader {
  /** Made once somebody waits; mostly nobody does. */
  #over: PromiseWithResolvers<void> | undefined
  readonly #onOver: () => void
  #chunks = 0
  #watch: NodeJS.Timeout | undefined

  constructor(onOver: () => void) {
    this.#onOver = onOver
  }

  noteChunk(): void {
    this.#chunks += 1
  }

  /** Resolves when it has ended, well or not, or its source is stuck. Watched only once somebody waits. */
  isOver(): Promise<void> {
    this.#watch ??= this.#startWatch()
    this.#over ??= Promise.withResolvers()
    return this.#over.promise
  }

  giveWay(): void {
    clearInterval(this.#watch)
    this.#onOver()
    this.#over?.resolve()
  }

  #startWatch(): NodeJS.Timeout {
    let before = this.#chunks
    return setInterval(() => {
      if (this.#chunks === before) this.giveWay()
      before = this.#chunks
    }, PATIENCE_MS).unref()
  }
}

/** A source that tells of every chunk it delivers; one that has all of its content cannot be stuck, and stays as it is. */
function observedSource(source: BlobSource, onChunk: () => void): BlobSource {
  if (bytesOfSource(source) !== undefined) return source
  const { sizeBytes, filePath } = source
  return { sizeBytes, filePath, open: (options) => observedReader(source.open(options), onChunk) }
}

function observedReader(reader: BlobReader, onChunk: () => void): BlobReader {
  return {
    sizeBytes: reader.sizeBytes,
    bytes: () => reader.bytes(),
    stream: () => reader.stream(),
    [Symbol.asyncIterator]: () => observedIterator(reader[Symbol.asyncIterator](), onChunk),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  }
}

function observedIterator(iterator: AsyncIterator<Uint8Array>, onChunk: () => void): AsyncIterator<Uint8Array> {
  return {
    async next() {
      const result = await iterator.next()
      onChunk()
      return result
    },
    async return() {
      return (await iterator.return?.()) ?? { done: true, value: undefined }
    },
  }
}
