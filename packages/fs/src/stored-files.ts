import { join } from 'node:path'
import { mapLimit } from '@caskade/core'
import type { FileOperations, FileStat } from '@caskade/core/files'
import { readIfThere, statIfThere } from './held-files.ts'
import type { Layout, StoredName } from './layout.ts'
import { isBucket, isGroup, storedName } from './layout.ts'

/** How many folders, and how many files of each, are looked at at once. */
const CONCURRENCY = 8

/** How many files of a folder are looked at before others get their turn. */
const FILES_AT_ONCE = 1024

/** A stored file and what the file system knows of it. */
export interface StoredFile {
  readonly name: StoredName
  readonly stat: FileStat
}

/** A folder that holds stored files: those of one digest function or namespace whose hashes begin alike. */
export interface StoredFolder {
  readonly area: 'cas' | 'ac'
  readonly group: string
  /** How the hashes begin, one of 256 beginnings. */
  readonly bucket: string
}

/** Finds what is stored, folder by folder. Whatever else lies there is passed over. */
export class StoredFiles {
  readonly #layout: Layout
  readonly #files: FileOperations

  constructor(layout: Layout, files: FileOperations) {
    this.#layout = layout
    this.#files = files
  }

  /** The folders of an area, or of some groups in it; by their beginnings, so that those of one are next to each other. */
  async folders(area: 'cas' | 'ac', isOfInterest: (group: string) => boolean = () => true): Promise<StoredFolder[]> {
    const found: StoredFolder[] = []
    for (const group of await readIfThere(this.#files, join(this.#layout.root, area))) {
      if (!isGroup(area, group) || !isOfInterest(group)) continue
      const buckets = await readIfThere(this.#files, join(this.#layout.root, area, group))
      for (const bucket of buckets) if (isBucket(bucket)) found.push({ area, group, bucket })
    }
    return found
  }

  /** The names of the files in a folder. */
  async names({ area, group, bucket }: StoredFolder): Promise<StoredName[]> {
    const files = await readIfThere(this.#files, join(this.#layout.root, area, group, bucket))
    return files.map((file) => storedName(area, group, bucket, file)).filter((name) => name !== undefined)
  }

  /** Looks at all files in some folders; those that are gone meanwhile are left out. */
  async look(folders: readonly StoredFolder[]): Promise<StoredFile[]> {
    const found: StoredFile[] = []
    await mapLimit(folders, CONCURRENCY, async (folder) => {
      const names = await this.names(folder)
      for (let from = 0; from < names.length; from += FILES_AT_ONCE) {
        await mapLimit(names.slice(from, from + FILES_AT_ONCE), CONCURRENCY, async (name) => {
          const stat = await statIfThere(this.#files, this.#layout.pathOf(name))
          if (stat !== undefined) found.push({ name, stat })
        })
      }
    })
    return found
  }
}
