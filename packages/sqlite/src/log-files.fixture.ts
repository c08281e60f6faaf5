import type { FileOperations, OpenFile, OpenMode } from '@caskade/core/files'
import { nodeFiles } from '@caskade/core/files'

/** The real files, except that a test decides what comes before each sync of the log, and may fail it. */
export class LogFiles {
  readonly operations: FileOperations = { ...nodeFiles, open: (path, mode) => this.#open(path, mode) }
  beforeSync: () => Promise<void> = async () => undefined

  /** Has every sync fail, as a disk that is breaking does. */
  breakLog(): void {
    this.beforeSync = async () => {
      throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' })
    }
  }

  /** Has them succeed again. */
  mendLog(): void {
    this.beforeSync = async () => undefined
  }

  async #open(path: string, mode: OpenMode): Promise<OpenFile> {
    const file = await nodeFiles.open(path, mode)
    if (!path.endsWith('-wal')) return file
    return {
      read: (buffer, position) => file.read(buffer, position),
      write: (buffers, position) => file.write(buffers, position),
      sizeBytes: () => file.sizeBytes(),
      stat: () => file.stat(),
      setModified: (timeUs) => file.setModified(timeUs),
      close: () => file.close(),
      sync: async () => {
        await this.beforeSync()
        await file.sync()
      },
    }
  }
}
