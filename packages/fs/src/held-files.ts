import { join } from 'node:path'
import { isErrnoException, reportEvent } from '@caskade/core'
import type { FileOperations, FileStat } from '@caskade/core/files'
import { fileCostBytes, unlinkIfThere } from '@caskade/core/files'
import type { Layout, StoredName } from './layout.ts'

/** What marks files in the folder of a process: held by it, or taken out of their place. */
const HELD = 'h'
const TAKEN = 't'

/** A stored file that this process holds, wherever it goes. */
export interface HeldFile {
  readonly path: string
  readonly name: StoredName
}

/** What {@link HeldFiles} need. */
export interface HeldFilesOptions {
  readonly layout: Layout
  readonly files: FileOperations
  /** The folder of this process. */
  readonly directory: string
  /** Is told of bytes that are no longer in use. */
  readonly onFreed: (bytes: number) => void
}

/** What is in the temporary folder of some process, by its name. */
export interface TemporaryFile {
  readonly name: StoredName
  readonly isTaken: boolean
}

/** Recognises a held or taken file by its name in a temporary folder. */
export function parseTemporary(file: string): TemporaryFile | undefined {
  const [, mark, name] = /^([ht])\.\d+\.((?:cas|ac)\.[^.]+\.[\da-f]+)$/.exec(file) ?? []
  return name === undefined ? undefined : { name, isTaken: mark === TAKEN }
}

/**
 * Second names for stored files, in the folder of this process, for as long as it reads them.
 *
 * When such a file leaves its place, for whatever reason and by whatever process, its blocks stay taken. Whoever removes it
 * sees that somebody holds it, and the last who held it has the bytes freed. Where two let go in the same moment, neither may:
 * too much is counted then, never too little.
 */
export class HeldFiles {
  readonly #options: HeldFilesOptions
  #count = 0

  constructor(options: HeldFilesOptions) {
    this.#options = options
  }

  /** A name in the folder of this process that was never used, for a file taken out of its place. */
  takenPath(name: StoredName): string {
    this.#count += 1
    return join(this.#options.directory, `${TAKEN}.${this.#count}.${name}`)
  }

  /** Holds a stored file; undefined when it is not there. */
  async hold(name: StoredName): Promise<HeldFile | undefined> {
    const { layout, files, directory } = this.#options
    this.#count += 1
    const path = join(directory, `${HELD}.${this.#count}.${name}`)
    try {
      await files.link(layout.pathOf(name), path)
      return { path, name }
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** Lets go of a file; its bytes are free if it has left its place and nobody else holds it. */
  async release({ path, name }: HeldFile): Promise<void> {
    const { layout, files, onFreed } = this.#options
    try {
      const [held, inPlace] = await Promise.all([files.stat(path), statIfThere(files, layout.pathOf(name))])
      const isLast = inPlace?.inode !== held.inode && !(await this.isHeld(name, held, path))
      const isRemoved = await unlinkIfThere(files, path)
      if (isLast && isRemoved) onFreed(fileCostBytes(held.sizeBytes))
    } catch (error) {
      // It goes with the folder; what it may have taken stays counted until what is there is.
      reportEvent({ kind: 'cleanup-failure', storageType: 'Fs', operation: 'releaseFile', error })
    }
  }

  /** Gives a file its place again, unless there is another one by now. */
  async putBack({ path, name }: HeldFile): Promise<void> {
    const { layout, files } = this.#options
    await files.link(path, layout.pathOf(name)).catch(() => undefined)
  }

  /** Tells whether a file that has left its place is held, by any process, under another name than the one given. */
  async isHeld(name: StoredName, { inode, links }: FileStat, except: string): Promise<boolean> {
    // More names than the one we know may also be those of somebody who gave the file to be linked.
    return links > 1 && (await this.#holders(name, inode)).some((path) => path !== except)
  }

  /** The paths under which any process has a file that is out of its place. */
  async #holders(name: StoredName, inode: number): Promise<string[]> {
    const paths: string[] = []
    for (const path of await this.temporaryPaths((file) => file.name === name)) {
      const stat = await statIfThere(this.#options.files, path)
      if (stat?.inode === inode) paths.push(path)
    }
    return paths
  }

  /** The paths of held and taken files, of all processes, that are of interest. */
  async temporaryPaths(isOfInterest: (file: TemporaryFile) => boolean): Promise<string[]> {
    const { layout, files } = this.#options
    const paths: string[] = []
    for (const owner of await files.readDirectory(layout.temporary)) {
      if (owner.includes('.')) continue
      for (const name of await readIfThere(files, join(layout.temporary, owner))) {
        const file = parseTemporary(name)
        if (file !== undefined && isOfInterest(file)) paths.push(join(layout.temporary, owner, name))
      }
    }
    return paths
  }
}

/** What the file system knows of a file; undefined when it is not there. */
export async function statIfThere(files: FileOperations, path: string): Promise<FileStat | undefined> {
  try {
    return await files.stat(path)
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The names in a folder; none when it is not there. */
export async function readIfThere(files: FileOperations, path: string): Promise<string[]> {
  try {
    return await files.readDirectory(path)
  } catch (error) {
    if (isErrnoException(error, 'ENOENT') || isErrnoException(error, 'ENOTDIR')) return []
    throw error
  }
}
