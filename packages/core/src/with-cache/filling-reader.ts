import type { BlobReader } from '../blob-reader.ts'
import { readerFromChunks } from '../blob-reader.ts'
import type { BlobSource } from '../blob-source.ts'
import type { Digest } from '../digest.ts'
import { verifiedReader } from '../verified-reader.ts'
import { WriteSession } from '../write-session.ts'

/** Where a {@link fillingReader} takes what passes through it. */
export interface FillOptions {
  /** Where content waits until it is complete. */
  readonly spoolDirectory: string
  /** Stores the complete, verified content. Must not reject. */
  readonly fill: (source: BlobSource) => Promise<void>
  /** Hears why a fill was given up although the reading went on. */
  readonly onGiveUp: (error: unknown) => void
  /** Called once neither the reading nor the filling needs anything any more. */
  readonly release: () => void
}

/**
 * Passes a whole blob on to its reader and, once all of it has passed and matches the digest, into a cache.
 *
 * The reader sets the pace and never waits for the cache; one that leaves early ends the fill.
 */
export function fillingReader(fetched: BlobReader, digest: Digest, options: FillOptions): BlobReader {
  const reader = verifiedReader(fetched, digest, options.onGiveUp)
  const session = new WriteSession({ directory: options.spoolDirectory, digestFunction: digest.digestFunction })
  const discard = async (): Promise<void> => {
    await session[Symbol.asyncDispose]()
    options.release()
  }
  let fillUnderWay = false

  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let isSpooling = true
    let spooled = 0
    for await (const chunk of reader) {
      isSpooling &&= await succeeds(() => session.write(chunk), options.onGiveUp)
      spooled += chunk.byteLength
      if (isSpooling && spooled === digest.sizeBytes) {
        // Begun before the last chunk is handed out: many readers never ask for more than they know is there.
        fillUnderWay = true
        void fillFrom(session, options).then(discard).catch(options.onGiveUp)
      }
      yield chunk
    }
  }

  return readerFromChunks(digest.sizeBytes, chunks(), {
    async release() {
      await reader[Symbol.asyncDispose]()
      if (!fillUnderWay) await discard()
    },
  })
}

async function fillFrom(session: WriteSession, { fill, onGiveUp }: FillOptions): Promise<void> {
  if (await succeeds(() => session.finish(), onGiveUp)) await fill(session)
}

async function succeeds(attempt: () => Promise<unknown>, onFailure: (error: unknown) => void): Promise<boolean> {
  try {
    await attempt()
    return true
  } catch (error) {
    onFailure(error)
    return false
  }
}
