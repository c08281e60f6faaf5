import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BlockingReads } from '@caskade/core/files'
import { nodeFiles } from '@caskade/core/files'

/** Looks at files on the event loop, and tells of each look; nothing may be read there. */
export function blockingLooks(onLook: (file: string) => void = () => undefined): BlockingReads {
  return {
    stat(file) {
      onLook(file)
      return nodeFiles.blocking?.stat(file) ?? null
    },
    read(): never {
      throw new Error('nothing is read here')
    },
  }
}

/** Works on until the last changes of the folders in a folder are past, by the clock that their times come from. */
export function waitUntilSteady(folder: string): void {
  const startedMs = Date.now()
  while (Date.now() - startedMs <= 30) writeFileSync(join(folder, 'clock'), '')
}
