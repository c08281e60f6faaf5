import { isErrnoException, reportEvent } from '@caskade/core'
import type { FileOperations, FileStat } from '@caskade/core/files'
import { fileCostBytes, unlinkIfThere } from '@caskade/core/files'
import type { AccessLog } from './access-log.ts'
import type { HeldFiles } from './held-files.ts'
import { statIfThere } from './held-files.ts'
import type { Layout, StoredName } from './layout.ts'

/** What a {@link FileTaker} needs. */
export interface FileTakerOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly held: HeldFiles
  readonly accessLog: AccessLog
  /** Is told of bytes that are no longer in use. */
  readonly onFreed: (bytes: number) => void
}

/** What came of taking a file: it is removed, was not there, or is another one than was meant and back in its place. */
export type Taken =
  | { readonly outcome: 'removed'; readonly stat: FileStat }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'kept'; readonly stat: FileStat }

/**
 * Removes stored files, so that of several who want to remove or use one each knows what came of it.
 *
 * A file is first taken out of its place, which only one can do, then looked at, and put back if it was used or replaced
 * since it was chosen. What remains of one who dies in between is put back by the next to start.
 */
export class FileTaker {
  readonly #options: FileTakerOptions
  /** Out of their place, and could not be removed. */
  readonly #stuck = new Map<string, { readonly name: StoredName; readonly stat: FileStat }>()

  constructor(options: FileTakerOptions) {
    this.#options = options
  }

  /** Whether there are files that could not be removed. */
  get isStuck(): boolean {
    return this.#stuck.size > 0
  }

  /** Removes a file if it is still the one that is meant. */
  async take(name: StoredName, isMeant: (stat: FileStat) => boolean): Promise<Taken> {
    const { layout, files, held } = this.#options
    const path = held.takenPath(name)
    if (!(await renameIfThere(files, layout.pathOf(name), path))) return { outcome: 'gone' }
    const stat = await statIfThere(files, path).catch(async (error: unknown) => {
      await this.#putBack(name, path).catch(() => undefined)
      throw error
    })
    if (stat === undefined) return { outcome: 'gone' }
    if (!isMeant(stat)) {
      await this.#putBack(name, path)
      return { outcome: 'kept', stat }
    }
    await this.#remove(name, path, stat)
    return { outcome: 'removed', stat }
  }

  /** Removes what others have just taken out of its place and may be about to put back. */
  async takeTaken(name: StoredName): Promise<void> {
    const { files, held } = this.#options
    for (const taken of await held.temporaryPaths((file) => file.isTaken && file.name === name)) {
      if (this.#stuck.has(taken)) continue
      const path = held.takenPath(name)
      if (!(await renameIfThere(files, taken, path))) continue
      const stat = await statIfThere(files, path)
      if (stat !== undefined) await this.#remove(name, path, stat)
    }
  }

  /** Tries once more to remove what could not be removed. */
  async retry(): Promise<void> {
    for (const [path, { name, stat }] of this.#stuck) {
      this.#stuck.delete(path)
      await this.#remove(name, path, stat)
      if (this.#stuck.has(path)) return
    }
  }

  /** Whoever removes it has the bytes freed, unless somebody holds it. */
  async #remove(name: StoredName, path: string, stat: FileStat): Promise<void> {
    const { files, held, accessLog, onFreed } = this.#options
    accessLog.forget(name)
    const isHeld = await held.isHeld(name, stat, path).catch(() => true)
    try {
      if ((await unlinkIfThere(files, path)) && !isHeld) onFreed(fileCostBytes(stat.sizeBytes))
    } catch (error) {
      this.#stuck.set(path, { name, stat })
      reportEvent({ kind: 'cleanup-failure', storageType: 'Fs', operation: 'removeFile', error })
    }
  }

  /** Unless somebody has stored it again: then one of the two is enough. */
  async #putBack(name: StoredName, path: string): Promise<void> {
    const { layout, files } = this.#options
    try {
      await files.link(path, layout.pathOf(name))
      await unlinkIfThere(files, path)
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return
      if (!isErrnoException(error, 'EEXIST')) throw error
      const stat = await statIfThere(files, path)
      if (stat !== undefined) await this.#remove(name, path, stat)
    }
  }
}

async function renameIfThere(files: FileOperations, from: string, to: string): Promise<boolean> {
  try {
    await files.rename(from, to)
    return true
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return false
    throw error
  }
}
