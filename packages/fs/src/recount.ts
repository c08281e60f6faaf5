import { join } from 'node:path'
import { fileCostBytes } from '@caskade/core/files'
import type { FileOperations } from '@caskade/core/files'
import type { Accounts, Totals } from './accounts.ts'
import { writtenCostBytes } from './file-publisher.ts'
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

/** How many files are looked at at once: few, as requests are served meanwhile. */
const CONCURRENCY = 2

/** How often to begin anew because another process has taken over a ledger meanwhile. */
const ATTEMPTS = 3

/** How many parts of the quota a process may have at hand, or have removed without its ledger saying so. */
const CHUNKS_AT_HAND = 4

/**
 * Counts what is there, folder by folder, while it changes, and corrects what is counted as far as that is certain.
 *
 * What was there at the beginning is still there or has been removed since; what is there now was there at the beginning, or
 * has been written since. So the sum at the beginning lies between two bounds, each of which allows for what processes
 * have at hand for their next writes. A sum between them is left alone.
 */
export async function recount(options: RecountOptions): Promise<void> {
  const { stored, accounts, signal } = options
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = await accounts.totals()
    const temporary = new Map<string, number>()
    await countTemporary(options, temporary)
    let storedBytes = 0
    for (const folder of await stored.folders()) {
      for (const { stat } of await stored.look([folder], CONCURRENCY)) storedBytes += fileCostBytes(stat.sizeBytes)
      if (signal.aborted) return
    }
    await countTemporary(options, temporary)
    const after = await accounts.totals()
    if (before.ledgers !== after.ledgers) continue
    const temporaryBytes = [...temporary.values()].reduce((sum, bytes) => sum + bytes, 0)
    const correction = correctionOf(before, after, { storedBytes, temporaryBytes, chunkBytes: accounts.chunkBytes })
    if (correction !== 0) await accounts.correct(correction)
    await accounts.setRecountDue(false)
    return
  }
}

/** What was counted. */
interface Counted {
  /** What is in its place, in bytes. */
  readonly storedBytes: number
  /** What processes were writing or holding meanwhile; some of it may be in its place as well. */
  readonly temporaryBytes: number
  /** How much a process takes at once for its next writes. */
  readonly chunkBytes: number
}

/** By how much the sum of the ledgers is certainly wrong. */
export function correctionOf(before: Totals, after: Totals, counted: Counted): number {
  const { storedBytes, temporaryBytes, chunkBytes } = counted
  const atHandBytes = CHUNKS_AT_HAND * chunkBytes * Math.max(before.processes, after.processes)
  const removedBytes = after.removedBytes - before.removedBytes
  const takenBytes = after.takenBytes - before.takenBytes
  const mostBytes = storedBytes + temporaryBytes + removedBytes + atHandBytes
  const leastBytes = storedBytes - takenBytes - removedBytes - atHandBytes
  const isBetween = before.usedBytes >= leastBytes && before.usedBytes <= mostBytes
  // Rather too much than too little.
  return isBetween ? 0 : mostBytes - before.usedBytes
}

/** Notes what is in temporary folders, by its path; of what is being written, the name says how much it will be. */
async function countTemporary({ layout, files }: RecountOptions, counted: Map<string, number>): Promise<void> {
  for (const owner of await readIfThere(files, layout.temporary)) {
    if (owner.includes('.')) continue
    for (const name of await readIfThere(files, join(layout.temporary, owner))) {
      const path = join(layout.temporary, owner, name)
      const stat = await statIfThere(files, path)
      const costBytes = writtenCostBytes(name) ?? fileCostBytes(stat?.sizeBytes ?? 0)
      counted.set(path, Math.max(counted.get(path) ?? 0, costBytes))
    }
  }
}
