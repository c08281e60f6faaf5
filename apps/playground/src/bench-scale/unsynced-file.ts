import { closeSync, fstatSync, futimesSync, openSync, readSync, writevSync } from 'node:fs'
import type { FileStat, OpenFile, OpenMode } from '@caskade/core/files'
import { fileStat, toSeconds } from '@caskade/core/files'

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', update: 'r+', create: 'wx+', overwrite: 'w+' }

/** An open file that is never synced, all of whose operations run on this thread. */
export class UnsyncedFile implements OpenFile {
  readonly #descriptor: number
  #isClosed = false

  constructor(path: string, mode: OpenMode) {
    this.#descriptor = openSync(path, FLAGS[mode])
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    return readSync(this.#descriptor, buffer, 0, buffer.byteLength, position)
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const sizeBytes = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)
    if (writevSync(this.#descriptor, buffers, position) !== sizeBytes) throw new Error('a file was written in part')
  }

  async sync(): Promise<void> {}

  async sizeBytes(): Promise<number> {
    return fstatSync(this.#descriptor).size
  }

  async stat(): Promise<FileStat> {
    return fileStat(fstatSync(this.#descriptor))
  }

  async setModified(timeUs: number): Promise<void> {
    futimesSync(this.#descriptor, toSeconds(timeUs), toSeconds(timeUs))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSync(this.#descriptor)
  }
}
