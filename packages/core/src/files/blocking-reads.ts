import fs from 'node:fs'
import { dirname } from 'node:path'
import { isErrnoException } from '../storage-error.ts'
import type { FileStat } from './file-stat.ts'
import { fileStat } from './file-stat.ts'

/** What was read of a file, and what the file system knew of it afterwards. */
export interface FileRead {
  readonly bytesRead: number
  readonly stat: FileStat
}

/** Reads that the whole event loop waits for. They throw the errors of Node.js. */
export interface BlockingReads {
  /**
   * What the file system knows of a file; null when there is none. Of a file whose folder was just seen, to be a folder, that can
   * be told with less.
   */
  stat(path: string, isFolderSeen?: boolean): FileStat | null
  /** Opens a file, reads into `buffer` from a position in it until that is full or the file ends, and closes it. */
  read(path: string, buffer: Uint8Array, position: number): FileRead
}

/** Those of the real file system. */
export const nodeBlockingReads: BlockingReads = {
  stat(path, isFolderSeen = false) {
    const stat = fs.statSync(path, { throwIfNoEntry: false })
    if (stat !== undefined) return fileStat(stat)
    if (isFolderSeen) return null
    // Also where a part of the path is no folder, which is a failure; an error each time would cost three times as much.
    if (fs.statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory() === true) return null
    return statOrNull(path)
  },
  read(path, buffer, position) {
    const descriptor = fs.openSync(path, 'r')
    try {
      let filled = 0
      for (;;) {
        const bytesRead = fs.readSync(descriptor, buffer, filled, buffer.byteLength - filled, position + filled)
        filled += bytesRead
        const stat = fileStat(fs.fstatSync(descriptor))
        // Mostly its size says that this was all, so that there is no need to read once more to find nothing.
        const isAll = bytesRead === 0 || filled === buffer.byteLength || position + filled === stat.sizeBytes
        if (isAll) return { bytesRead: filled, stat }
      }
    } finally {
      fs.closeSync(descriptor)
    }
  },
}

function statOrNull(path: string): FileStat | null {
  try {
    return fileStat(fs.statSync(path))
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return null
    throw error
  }
}
