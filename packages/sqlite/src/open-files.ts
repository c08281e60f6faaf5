/** A file that is being read, and where it was found. */
export interface OpenBlobFile {
  readonly fileId: number
  /** The id of the blob's record when the file was opened. */
  readonly blobId: number
  readonly costBytes: number
}

interface Entry {
  readonly file: OpenBlobFile
  readers: number
  isOld: boolean
  isCounted: boolean
}

/** The files that this process is reading: one that is removed meanwhile takes its room until the last reader is done. */
export class OpenFiles {
  readonly #entries = new Map<number, Entry>()
  readonly #onClosed: (fileId: number) => void

  /** `onClosed` is told of each file that is no longer read. */
  constructor(onClosed: (fileId: number) => void) {
    this.#onClosed = onClosed
  }

  isOpen(fileId: number): boolean {
    return this.#entries.has(fileId)
  }

  /** Notes a reader; the returned function notes that it is done. */
  add(file: OpenBlobFile): () => void {
    let entry = this.#entries.get(file.fileId)
    if (entry === undefined) {
      entry = { file, readers: 0, isOld: false, isCounted: false }
      this.#entries.set(file.fileId, entry)
    }
    entry.readers += 1
    let isDone = false
    return () => {
      if (isDone) return
      isDone = true
      entry.readers -= 1
      if (entry.readers > 0) return
      this.#entries.delete(file.fileId)
      this.#onClosed(file.fileId)
    }
  }

  /** The files that were open already when this was asked before, and of which nobody said {@link markCounted}. */
  takeOld(): OpenBlobFile[] {
    const old: OpenBlobFile[] = []
    for (const entry of this.#entries.values()) {
      if (entry.isOld && !entry.isCounted) old.push(entry.file)
      entry.isOld = true
    }
    return old
  }

  /** Notes that the room of a file is counted although no blob names it. */
  markCounted(fileId: number): void {
    const entry = this.#entries.get(fileId)
    if (entry !== undefined) entry.isCounted = true
  }
}
