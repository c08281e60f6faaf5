import { join } from 'node:path'
import { isErrnoException } from '@caskade/core'
import type { FileOperations, OwnedDirectory } from '@caskade/core/files'
import { unlinkIfThere } from '@caskade/core/files'
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

/**
 * Puts back what processes had taken out of its place that are gone. There is little of it, and it is done before anybody
 * is served, so that nothing turns up by itself that was not there a moment before.
 */
export async function putBackTaken(options: LeftoversOptions): Promise<void> {
  for (const id of await options.owner.abandoned()) await putBackOf(id, options)
}

/** Removes what processes left that are gone, once what they had taken out of its place is put back. */
export async function removeLeftovers(options: LeftoversOptions): Promise<void> {
  for (const id of await options.owner.abandoned()) {
    await putBackOf(id, options)
    await options.owner.removeAbandoned(id)
  }
}

async function putBackOf(id: string, { layout, files, syncs }: LeftoversOptions): Promise<void> {
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
    // At once: put back a second time, it would bring back what was deleted since.
    await unlinkIfThere(files, join(directory, file))
  }
}
