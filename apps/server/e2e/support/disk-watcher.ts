import { readdir, lstat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const EVERY_MS = 50

/** How often the files are added up, which takes longer than asking the disk. */
const ADD_UP_EVERY = 10

/** What a watcher has seen. */
export interface Seen {
  /** The most that the disk said was taken of it, in bytes, besides what was taken before. */
  readonly mostOnDisk: number
  /** The most that the files and folders came to, in bytes: what `du` says. */
  readonly mostInFiles: number
  readonly looks: number
}

/** Watches from outside what a folder takes of its disk. */
export class DiskWatcher {
  readonly #path: string
  readonly #watching: Promise<Seen>
  #isOver = false

  /** @param path The only folder on its disk that changes. */
  constructor(path: string) {
    this.#path = path
    this.#watching = this.#watch()
    this.#watching.catch(() => undefined)
  }

  /** Ends the watching. */
  async stop(): Promise<Seen> {
    this.#isOver = true
    return this.#watching
  }

  async #watch(): Promise<Seen> {
    const before = await bytesTaken(this.#path)
    let [mostOnDisk, mostInFiles, looks] = [0, 0, 0]
    for (; !this.#isOver; looks++) {
      mostOnDisk = Math.max(mostOnDisk, (await bytesTaken(this.#path)) - before)
      if (looks % ADD_UP_EVERY === 0) mostInFiles = Math.max(mostInFiles, await diskUsage(this.#path))
      await delay(EVERY_MS)
    }
    return { mostOnDisk, mostInFiles, looks }
  }
}

async function bytesTaken(path: string): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(path)
  return (blocks - bfree) * bsize
}

/** What `du` says: the blocks of all files and folders, those of several names once. */
export async function diskUsage(path: string, seen: Set<number> = new Set()): Promise<number> {
  let bytes = 0
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const stat = await lstat(join(path, entry.name)).catch(() => undefined)
    if (stat === undefined || seen.has(stat.ino)) continue
    seen.add(stat.ino)
    bytes += stat.blocks * 512
    if (entry.isDirectory()) bytes += await diskUsage(join(path, entry.name), seen)
  }
  return bytes
}
