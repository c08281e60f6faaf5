import { fileError } from '../files/file-errors.ts'
import type { FileOperations } from '../files/file-operations.ts'
import { reportEvent } from '../storage-events.ts'
import { JournalFolder } from './journal-folder.ts'
import { JournalLane } from './journal-lane.ts'
import type { BlobHeader, EntryHeader } from './journal-record.ts'

/** How often lanes are looked for whose process is gone, in milliseconds. */
const ADOPT_EVERY_MS = 60_000

/** The lanes that this process owns: the one it writes to, and those that others left. */
export class Journal {
  /** The lane for new records. */
  readonly lane: JournalLane
  readonly #folder: JournalFolder
  readonly #files: FileOperations
  readonly #onLanes: (lanes: readonly JournalLane[]) => void
  readonly #adopted = new Set<JournalLane>()
  #adopting: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(
    folder: JournalFolder,
    lane: JournalLane,
    files: FileOperations,
    onLanes: (lanes: readonly JournalLane[]) => void,
  ) {
    this.#folder = folder
    this.lane = lane
    this.#files = files
    this.#onLanes = onLanes
  }

  /** Makes a lane for this process in a folder. `onLanes` takes what lanes hold that were adopted together. */
  static async open(
    directory: string,
    files: FileOperations,
    onLanes: (lanes: readonly JournalLane[]) => void,
  ): Promise<Journal> {
    const folder = await JournalFolder.claim(directory, files)
    try {
      return new Journal(folder, await folder.createLane(), files, onLanes)
    } catch (error) {
      await folder.release()
      throw fileError(error, 'WithCache: cannot begin its journal')
    }
  }

  /**
   * Takes over what processes left that are gone, now and from time to time.
   *
   * @throws StorageError `unsupported` when a newer version wrote some of it. Then everything is left as it was.
   */
  async adopt(): Promise<void> {
    try {
      await this.#adopt()
    } catch (error) {
      await this.close()
      throw fileError(error, 'WithCache: cannot read its journal')
    }
    this.#timer = setInterval(() => {
      this.#adopting ??= this.#adopt()
        .catch((error: unknown) => {
          reportEvent({ kind: 'cleanup-failure', storageType: 'WithCache', operation: 'adopt', error })
        })
        .finally(() => {
          this.#adopting = undefined
        })
    }, ADOPT_EVERY_MS).unref()
  }

  /** Waits until what was settled before is on disk as such, as far as somebody is concerned with it. */
  async flushSettled(isConcerned: (header: BlobHeader | EntryHeader) => boolean): Promise<void> {
    for (const lane of [this.lane, ...this.#adopted]) await lane.flushSettled(isConcerned)
  }

  /** Removes the empty lanes, and leaves the others for whoever comes next. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#adopting
    for (const lane of [this.lane, ...this.#adopted]) await (lane.isEmpty ? lane.remove() : lane.close())
    await this.#folder.release()
  }

  async #adopt(): Promise<void> {
    const lanes: JournalLane[] = []
    for (const directory of await this.#folder.adopt()) {
      const lane = await JournalLane.open(directory, this.#files)
      this.#adopted.add(lane)
      lanes.push(lane)
    }
    this.#onLanes(lanes)
  }
}
