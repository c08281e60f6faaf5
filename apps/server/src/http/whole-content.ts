import type { BlobReader } from '@caskade/core'
import { readerFromChunks, StorageError, WriteSession } from '@caskade/core'
import type { ReceiveOptions } from './receive-blob.ts'
import type { StoredContent } from './send-stored.ts'

/** Longer content is delivered as it is read: too long to have the client wait for its end. */
const MAX_WHOLE_BYTES = 256 * 1024 * 1024

/** Where content waits that was read to its end. */
type WaitingRoom = Pick<ReceiveOptions, 'uploadDirectory' | 'spoolBudget'>

/**
 * Content of which nothing is delivered before all of it was read and found whole, unless it is very long, or there is no room for
 * that. A part of it is delivered as it is read.
 */
export function wholeContent(content: StoredContent, room: WaitingRoom): StoredContent {
  const { digest } = content
  return {
    ...content,
    async open(options) {
      const isPart = (options.offset ?? 0) > 0 || options.length !== undefined
      if (isPart || digest.sizeBytes > MAX_WHOLE_BYTES) return content.open(options)
      // Into buffers of its own, which it keeps.
      const reader = await content.open({ signal: options.signal })
      return reader && ((await readWhole(reader, room)) ?? content.open(options))
    },
  }
}

/** Undefined when there is no room. */
async function readWhole(reader: BlobReader, room: WaitingRoom): Promise<BlobReader | undefined> {
  const { sizeBytes } = reader
  const session = new WriteSession({ directory: room.uploadDirectory, spoolBudget: room.spoolBudget })
  const release = (): Promise<void> => session[Symbol.asyncDispose]()
  let isWhole = false
  try {
    for await (const chunk of reader) if (!(await isTaken(session, chunk))) return undefined
    await session.finish()
    isWhole = true
  } finally {
    if (!isWhole) await release()
  }
  return readerFromChunks(sizeBytes, session.open(), { release })
}

async function isTaken(session: WriteSession, chunk: Uint8Array): Promise<boolean> {
  try {
    await session.write(chunk)
    return true
  } catch (error) {
    if (StorageError.is(error, 'unavailable') || StorageError.is(error, 'no-space')) return false
    throw error
  }
}
