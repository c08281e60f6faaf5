import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Backend } from '@caskade/core'
import { putEntryBytes } from '@caskade/core'
import { actionKey } from '@caskade/reapi'
import { encodeActionResult } from '../bench-server/grpc-requests.ts'
import type { BlobSeries } from './blob-series.ts'
import { BLOBS_PER_ACTION } from './blob-series.ts'

const exec = promisify(execFile)

/** How many blobs are handed over at once. */
const BATCH = 2000

/** How many entries are under way at once. */
const ENTRIES_AT_ONCE = 100

/** How a store is filled. */
export interface FillOptions {
  readonly series: BlobSeries
  readonly seed: number
  /** How many of the series are to be there. */
  readonly blobs: number
  readonly signal: AbortSignal
  /** Is told how many are there, now and then. */
  readonly onProgress?: ((blobs: number) => void) | undefined
}

/** How far a store was filled, which is kept beside it so that filling it can go on. */
interface Progress {
  readonly seed: number
  readonly blobs: number
}

/**
 * Fills a store with the first blobs of a series, through the backend itself, and with the results of the actions among
 * them. Goes on where it was broken off, or where there were to be fewer.
 *
 * @param folder Where it is noted how far that is; the store lies in there.
 * @throws Error when the store was filled with another series.
 */
export async function fillStore(folder: string, open: () => Backend, options: FillOptions): Promise<void> {
  const { series, seed, blobs, signal, onProgress } = options
  const path = join(folder, 'filled.json')
  const progress = await readProgress(path)
  if (progress !== undefined && progress.seed !== seed) {
    throw new Error(`${folder} was filled with seed ${progress.seed}; this is ${seed}`)
  }
  let filled = progress?.blobs ?? 0
  if (filled >= blobs) return
  const backend = open()
  await backend.storage.start()
  await backend.actionCache.start()
  try {
    while (filled < blobs) {
      signal.throwIfAborted()
      const end = Math.min(filled + BATCH, blobs)
      await storeBlobs(backend, series, filled, end)
      await storeResults(backend, series, Math.ceil(filled / BLOBS_PER_ACTION), Math.ceil(end / BLOBS_PER_ACTION))
      filled = end
      await writeFile(path, JSON.stringify({ seed, blobs: filled } satisfies Progress))
      onProgress?.(filled)
      // Whatever else there is to do in this process, such as to break it off.
      await setImmediate()
    }
  } finally {
    await backend.actionCache.stop()
    await backend.storage.stop()
  }
  // Not a server's affair: what it took to get everything to the disk.
  await exec('sync', ['-f', folder])
}

async function storeBlobs({ storage }: Backend, series: BlobSeries, from: number, to: number): Promise<void> {
  const blobs = Array.from({ length: to - from }, (_, index) => series.blob(from + index))
  const statuses = await storage.bulkUpdateBlobs(blobs.map(({ digest, bytes }) => [digest, bytes]))
  const failed = statuses.find(({ code }) => code !== 'ok')
  if (failed !== undefined && 'message' in failed) throw new Error(`a blob could not be stored: ${failed.message}`)
}

async function storeResults(backend: Backend, series: BlobSeries, from: number, to: number): Promise<void> {
  for (let start = from; start < to; start += ENTRIES_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(ENTRIES_AT_ONCE, to - start) }, (_, index) => start + index)
    await Promise.all(
      numbers.map(async (number) => {
        const outcome = series.outcome(number)
        const references = [...outcome.outputs, outcome.log].map(({ digest }) => digest)
        const bytes = encodeActionResult(outcome)
        await putEntryBytes(backend, actionKey('', outcome.action.digest), { bytes, references, metadata: {} })
      }),
    )
  }
}

async function readProgress(path: string): Promise<Progress | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Progress)
}
