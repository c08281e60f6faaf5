import { join } from 'node:path'
import type { FileOperations } from '@caskade/core/files'
import type { Accounts, Totals } from './accounts.ts'
import { fileCostBytes } from './file-cost.ts'
import { readIfThere, statIfThere } from './held-files.ts'
import type { Layout } from './layout.ts'
import type { StoredFiles } from './stored-files.ts'

/** What a recount needs. */
export interface RecountOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly stored: StoredFiles
  readonly accounts: Accounts
  /** Ends it early; it is due as before then. */
  readonly signal: AbortSignal
}

/**
 * Counts what is there, folder by folder, while it changes, and corrects what is counted as far as that is certain.
 *
 * What was there at the beginning is still there, and was counted or not, or has been given back since; what is there now
 * was there at the beginning, or has been taken since. So the sum at the beginning lies between two bounds, each of
 * which allows for what processes have at hand for their next writes. A sum between them is left alone.
 */
export async function recount({ layout, files, stored, accounts, signal }: RecountOptions): Promise<void> {
  const before = await accounts.totals()
  let storedBytes = 0
  for (const folder of [...(await stored.folders('cas')), ...(await stored.folders('ac'))]) {
    for (const { stat } of await stored.look([folder])) storedBytes += fileCostBytes(stat.sizeBytes)
    if (signal.aborted) return
  }
  const temporaryBytes = await countTemporary(layout, files)
  const after = await accounts.totals()
  const correction = correctionOf(before, after, { storedBytes, temporaryBytes, chunkBytes: accounts.chunkBytes })
  if (correction !== 0) await accounts.correct(correction)
  await accounts.setRecountDue(false)
}

/** What was counted. */
export interface Counted {
  /** What is in its place, in bytes. */
  readonly storedBytes: number
  /** What processes are writing or hold; some of it may be in its place as well. */
  readonly temporaryBytes: number
  /** How much a process takes at once for its next writes. */
  readonly chunkBytes: number
}

/** By how much the sum of the ledgers is certainly wrong. */
export function correctionOf(before: Totals, after: Totals, counted: Counted): number {
  const { storedBytes, temporaryBytes, chunkBytes } = counted
  const atHandBytes = 3 * chunkBytes * Math.max(before.processes, after.processes)
  const givenBackBytes = Math.max(0, after.freedBytes - before.freedBytes)
  const takenBytes = Math.max(0, after.takenBytes - before.takenBytes)
  const mostBytes = storedBytes + temporaryBytes + givenBackBytes + atHandBytes
  const leastBytes = storedBytes - takenBytes - atHandBytes
  if (before.usedBytes > mostBytes) return mostBytes - before.usedBytes
  return Math.max(0, leastBytes - before.usedBytes)
}

async function countTemporary(layout: Layout, files: FileOperations): Promise<number> {
  let bytes = 0
  for (const owner of await readIfThere(files, layout.temporary)) {
    if (owner.includes('.')) continue
    for (const name of await readIfThere(files, join(layout.temporary, owner))) {
      const stat = await statIfThere(files, join(layout.temporary, owner, name))
      bytes += fileCostBytes(stat?.sizeBytes ?? 0)
    }
  }
  return bytes
}
