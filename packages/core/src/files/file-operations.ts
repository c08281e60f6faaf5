import fs from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { BlockingReads } from './blocking-reads.ts'
import { nodeBlockingReads } from './blocking-reads.ts'
import type { FileStat } from './file-stat.ts'
import { fileStat, toSeconds } from './file-stat.ts'
import { makeDirectories } from './make-directories.ts'
import { NodeFile } from './node-file.ts'

/** An open file. Its owner must close it. */
export interface OpenFile {
  /** Reads into `buffer` from a position in the file; resolves to the number of bytes read, 0 at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** The same without the thread pool, for those who know when that is quick; throws what `read` rejects with. */
  readonly readBlocking?: ((buffer: Uint8Array, position: number) => number) | undefined
  /** Writes all of the buffers, one after the other, from a position in the file. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>
  /** Waits until the content and the size are on disk. */
  sync(): Promise<void>
  /** The present size in bytes. */
  sizeBytes(): Promise<number>
  /** What the file system knows of it. */
  stat(): Promise<FileStat>
  /** Sets when it was last modified, in microseconds since 1970. */
  setModified(timeUs: number): Promise<void>
  /** Waits for the operations under way, then closes; safe to call more than once. */
  close(): Promise<void>
}

/** How a file is opened: `read` and `update` want it there, `create` fails when it is, `overwrite` empties it. */
export type OpenMode = 'read' | 'update' | 'create' | 'overwrite'

/**
 * Every file operation that a storage performs, behind one seam, so that tests can fail them or forget what was not
 * synced. Rejects with the errors of Node.js.
 */
export interface FileOperations {
  open(path: string, mode: OpenMode): Promise<OpenFile>
  /** Gives an existing file a second name. */
  link(existingPath: string, newPath: string): Promise<void>
  rename(oldPath: string, newPath: string): Promise<void>
  unlink(path: string): Promise<void>
  /** What the file system knows of a file. */
  stat(path: string): Promise<FileStat>
  /** Sets when a file was last modified, in microseconds since 1970. */
  setModified(path: string, timeUs: number): Promise<void>
  /** Creates a folder, and those above it; succeeds when it is there. */
  createDirectory(path: string): Promise<void>
  /** Removes a folder and all in it; succeeds when it is not there. */
  removeDirectory(path: string): Promise<void>
  /** The names in a folder. */
  readDirectory(path: string): Promise<string[]>
  /** Waits until the names in a folder are on disk: files created in it, linked, renamed or removed. */
  syncDirectory(path: string): Promise<void>
  /** Reads that do not go through the thread pool, for those who know when that is quick. Default: none, all reads go through it. */
  readonly blocking?: BlockingReads | undefined
}

const OPEN_FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', update: 'r+', create: 'wx+', overwrite: 'w+' }

const open = promisify(fs.open)
const close = promisify(fs.close)
const fsync = promisify(fs.fsync)
const stat = promisify(fs.stat)
const utimes = promisify(fs.utimes)

/** The operations of the real file system. */
export const nodeFiles: FileOperations = {
  blocking: nodeBlockingReads,
  open: async (path, mode) => new NodeFile(await open(path, OPEN_FLAGS[mode])),
  link: promisify(fs.link),
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  stat: async (path) => fileStat(await stat(path)),
  setModified: (path, timeUs) => utimes(path, toSeconds(timeUs), toSeconds(timeUs)),
  createDirectory: makeDirectories,
  removeDirectory: (path) => rm(path, { recursive: true, force: true }),
  readDirectory: (path) => readdir(path),
  async syncDirectory(path) {
    // Windows has no way to sync a folder, and does not need one.
    if (process.platform === 'win32') return
    const descriptor = await open(path, 'r')
    try {
      await fsync(descriptor)
    } finally {
      await close(descriptor)
    }
  },
}
