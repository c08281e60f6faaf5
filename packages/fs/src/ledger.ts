import { join } from 'node:path'
import { isErrnoException } from '@caskade/core'
import type { FileOperations, OpenFile } from '@caskade/core/files'
import type { LedgerState } from './ledger-record.ts'
import { decodeLedger, encodeRecord, RECORD_BYTES } from './ledger-record.ts'

const SUFFIX = '.ledger'

/** The ledger of this process, which nobody else writes. */
export class Ledger {
  readonly #file: OpenFile
  #number = 0

  private constructor(file: OpenFile) {
    this.#file = file
  }

  /** Begins a ledger; it is on disk when it resolves. */
  static async create(directory: string, owner: string, state: LedgerState, files: FileOperations): Promise<Ledger> {
    const ledger = new Ledger(await files.open(join(directory, owner + SUFFIX), 'overwrite'))
    try {
      await ledger.write(state, { isDurable: true })
      await files.syncDirectory(directory)
      return ledger
    } catch (error) {
      await ledger.close()
      throw error
    }
  }

  /** Writes the state, for others to read at once. Must not run twice at a time. */
  async write(state: LedgerState, { isDurable }: { readonly isDurable: boolean }): Promise<void> {
    const number = this.#number + 1
    await this.#file.write([encodeRecord(number, state)], (number % 2) * RECORD_BYTES)
    this.#number = number
    if (isDurable) await this.#file.sync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** A file in the folder of ledgers. */
export interface LedgerFile {
  readonly name: string
  /** Whose process keeps it: the one that began it, or that has claimed it since. */
  readonly owner: string
  /** Whose it was at first. */
  readonly origin: string
}

/** Lists the ledgers; whatever else is there is left alone. */
export async function listLedgers(directory: string, files: FileOperations): Promise<LedgerFile[]> {
  const found: LedgerFile[] = []
  for (const name of await files.readDirectory(directory)) {
    const [, origin, claimer] = /^([\da-f-]{36})(?:\.([\da-f-]{36}))?\.ledger$/.exec(name) ?? []
    if (origin !== undefined) found.push({ name, origin, owner: claimer ?? origin })
  }
  return found
}

/** The name of a ledger that somebody has claimed whose process is gone. */
export function claimedName({ origin }: LedgerFile, claimer: string): string {
  return `${origin}.${claimer}${SUFFIX}`
}

/** Reads a ledger; null when it is gone, undefined when it is not whole. */
export async function readLedger(path: string, files: FileOperations): Promise<LedgerState | null | undefined> {
  try {
    const file = await files.open(path, 'read')
    try {
      const bytes = Buffer.alloc(2 * RECORD_BYTES)
      return decodeLedger(bytes.subarray(0, await file.read(bytes, 0)))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return null
    throw error
  }
}
