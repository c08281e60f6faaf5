import { join } from 'node:path'
import { isErrnoException } from '@caskade/core'
import type { FileOperations, OwnedDirectory } from '@caskade/core/files'
import type { FolderSyncs } from './folder-syncs.ts'
import { parseTemporary, readIfThere } from './held-files.ts'
import type { Layout } from './layout.ts'

/** What the removal of leftovers needs. */
export interface LeftoversOptions {
  readonly layout: Layout
  readonly files: FileOperations
  readonly syncs: FolderSyncs
  readonly owner: OwnedDirectory
}

/** Removes what processes left that are gone: puts back what they had taken out of its place, and removes the rest. */
export async function removeLeftovers({ layout, files, syncs, owner }: LeftoversOptions): Promise<void> {
  for (const id of await owner.abandoned()) {
    const directory = join(layout.temporary, id)
    for (const file of await readIfThere(files, directory)) {
      const found = parseTemporary(file)
      if (found?.isTaken !== true) continue
      const folder = layout.folderOf(found.name)
      await syncs.prepare(folder)
      await files.link(join(directory, file), layout.pathOf(found.name)).catch((error: unknown) => {
        // Stored again meanwhile, or another process is putting it back.
        if (!isErrnoException(error, 'EEXIST') && !isErrnoException(error, 'ENOENT')) throw error
      })
      await syncs.sync(folder)
    }
    await owner.removeAbandoned(id)
  }
}
