import { closeSync, fstatSync, futimesSync, openSync, readSync, writeSync } from 'node:fs'
import type { FileStat, OpenFile, OpenMode } from '@caskade/core/files'
import { fileStat, toSeconds } from '@caskade/core/files'
import type { FileOperation } from './file-fault.ts'
import type { ModelFile } from './power-loss-tree.ts'
import { contentOf } from './power-loss-tree.ts'

const OPEN_FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', update: 'r+', create: 'wx+', overwrite: 'w+' }

/** Does something that the power may fail at. */
export type Perform = <Result>(operation: FileOperation, act: () => Result) => Promise<Result>

let syncs = 0

/** A real open file, of which a model keeps what is on disk for certain. */
export class PowerLossFile implements OpenFile {
  readonly #descriptor: number
  readonly #perform: Perform
  #file: ModelFile | undefined
  #isClosed = false

  constructor(path: string, mode: OpenMode, perform: Perform) {
    this.#descriptor = openSync(path, OPEN_FLAGS[mode])
    this.#perform = perform
  }

  /** Has syncs count for a file of the model; without it, they count for nothing. */
  watch(file: ModelFile): void {
    this.#file = file
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#perform('read', () => readSync(this.#descriptor, buffer, 0, buffer.byteLength, position))
  }

  write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#perform('write', () => {
      const bytes = Buffer.concat(buffers)
      for (let at = 0; at < bytes.byteLength;) at += writeSync(this.#descriptor, bytes, at, undefined, position + at)
    })
  }

  async sync(): Promise<void> {
    const file = this.#file
    // A sync promises to keep what was written before it was asked for; what is written while it runs may be lost.
    const content = file && contentOf(file)
    syncs += 1
    const syncedAt = syncs
    await this.#perform('sync', () => {
      if (file === undefined || content === undefined || file.syncedAt > syncedAt) return
      file.durable = content
      file.syncedAt = syncedAt
    })
  }

  sizeBytes(): Promise<number> {
    return this.#perform('size', () => fstatSync(this.#descriptor).size)
  }

  stat(): Promise<FileStat> {
    return this.#perform('stat', () => fileStat(fstatSync(this.#descriptor)))
  }

  setModified(timeUs: number): Promise<void> {
    return this.#perform('setModified', () => futimesSync(this.#descriptor, toSeconds(timeUs), toSeconds(timeUs)))
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    closeSync(this.#descriptor)
  }
}
