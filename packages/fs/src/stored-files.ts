import { join } from 'node:path'
import { inSlices, mapLimit } from '@caskade/core'
import type { FileOperations, FileStat, QuickReads } from '@caskade/core/files'
import { readIfThere, statIfThere } from './held-files.ts'
import type { Layout, StoredName } from './layout.ts'
import { blobFileName, entryFileName, isBucket, isFunction } from './layout.ts'

/** How many files are looked at at once where that takes the disk. */
const CONCURRENCY = 8

/** A stored file and what the file system knows of it. */
export interface StoredFile {
  readonly name: StoredName
  readonly stat: FileStat
}

/** A folder that holds stored files: those of one digest function, or entries, whose hashes begin alike. */
export interface StoredFolder {
  readonly path: string
  /** How the hashes begin, one of 256 beginnings. */
  readonly bucket: string
  /** Names a file in it; undefined for what nobody here has put there. */
  readonly nameOf: (file: string) => StoredName | undefined
}

/** Finds what is stored, folder by folder. Whatever else lies there is passed over. */
export class StoredFiles {
  readonly #layout: Layout
  readonly #files: FileOperations
  readonly #quick: QuickReads

  constructor(layout: Layout, files: FileOperations, quick: QuickReads) {
    this.#layout = layout
    this.#files = files
    this.#quick = quick
  }

  /** The folders of blobs. */
  async blobFolders(): Promise<StoredFolder[]> {
    const found: StoredFolder[] = []
    for (const group of await readIfThere(this.#files, this.#layout.blobs)) {
      if (!isFunction(group)) continue
      const nameIn = (bucket: string, file: string): StoredName | undefined => blobFileName(group, bucket, file)
      found.push(...(await this.#folders(join(this.#layout.blobs, group), nameIn)))
    }
    return found
  }

  /** The folders of entries. */
  entryFolders(): Promise<StoredFolder[]> {
    return this.#folders(this.#layout.entries, entryFileName)
  }

  /** All of them. */
  async folders(): Promise<StoredFolder[]> {
    return [...(await this.blobFolders()), ...(await this.entryFolders())]
  }

  /** The names of the files in a folder. */
  async names({ path, nameOf }: StoredFolder): Promise<StoredName[]> {
    return (await readIfThere(this.#files, path)).map(nameOf).filter((name) => name !== undefined)
  }

  /** Looks at all files in some folders; those that are gone meanwhile are left out. */
  async look(folders: readonly StoredFolder[], concurrency: number = CONCURRENCY): Promise<StoredFile[]> {
    const found: StoredFile[] = []
    const unsure: StoredName[] = []
    // One folder after the other, so that others get their turn after each slice.
    for (const folder of folders) {
      await inSlices(await this.names(folder), (name) => {
        const stat = this.#quick.stat(this.#layout.pathOf(name))
        if (stat === undefined) unsure.push(name)
        else if (stat !== null) found.push({ name, stat })
      })
    }
    await mapLimit(unsure, concurrency, async (name) => {
      const stat = await statIfThere(this.#files, this.#layout.pathOf(name))
      if (stat !== undefined) found.push({ name, stat })
    })
    return found
  }

  async #folders(
    path: string,
    nameIn: (bucket: string, file: string) => StoredName | undefined,
  ): Promise<StoredFolder[]> {
    const buckets = (await readIfThere(this.#files, path)).filter(isBucket)
    return buckets.map((bucket) => ({ path: join(path, bucket), bucket, nameOf: (file) => nameIn(bucket, file) }))
  }
}
