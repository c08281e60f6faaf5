import { sep } from 'node:path'
import type { Digest, DigestFunction } from '@caskade/core'
import type { AccessClock, QuickReads } from '@caskade/core/files'
import { copyHashWords, KnownBlobs } from '@caskade/core/lookup'
import type { AccessLog } from './access-log.ts'
import type { FolderSyncs } from './folder-syncs.ts'
import { COARSE_MS } from './folder-syncs.ts'
import type { Layout } from './layout.ts'
import { blobName, BUCKETS } from './layout.ts'

/** How many blobs of a folder are remembered: 24 MiB for all folders of a digest function. */
const KNOWN_PER_FOLDER = 4096

const US_PER_SECOND = 1_000_000

/** What is remembered of a blob that is not there, in place of the second of its last use; so these are the first to be forgotten. */
const ABSENT = 0

/** Where files have times of whole seconds, two changes may have the same. */
const SECOND_MS = 1000

/** Whether the time of a folder tells of changes, and a path with a dot behind it that it is one. */
const ARE_FOLDERS_TOLD = process.platform !== 'win32'

/** What a {@link BlobFinder} needs. */
export interface BlobFinderOptions {
  readonly layout: Layout
  readonly quick: QuickReads
  readonly syncs: FolderSyncs
  readonly accessLog: AccessLog
  readonly clock: AccessClock
  readonly granularityMs: number
}

/** One search for many blobs: each folder is looked at once for all of them, and for other searches that go on meanwhile. */
export interface Finding {
  readonly nowSeconds: number
  /** Searches are counted: looks from this one on are later than its beginning. */
  readonly number: number
}

/** A folder of blobs, and what was found in it, or was not, since its names were last changed. */
interface Folder {
  readonly path: string
  readonly known: KnownBlobs
  /** The last search that had begun when it was looked at last; 0 when it never was. */
  lookedDuring: number
  /** What was seen then: a folder, that there is none, or nothing, where that would have taken long. */
  seen: 'there' | 'absent' | 'nothing'
  /** Whether a change that came after that look would show. */
  isSteady: boolean
  inode: number
  changedMs: number
}

/**
 * Finds out whether blobs are stored, many at a time, without waiting.
 *
 * Whoever adds a name to a folder or takes one away changes the folder's time as well. So a file that was found in a folder is
 * still there as long as that time is the same, and one that was not found still absent, whoever else may be at work: one look
 * at the folder stands for looks at all that was looked for in it. For a file that was found, that holds for as long as another
 * use would not be recorded; then it is looked at again.
 */
export class BlobFinder {
  readonly #options: BlobFinderOptions
  readonly #folders = new Map<DigestFunction, (Folder | undefined)[]>()
  readonly #words = new Uint32Array(1)
  #begun = 0

  constructor(options: BlobFinderOptions) {
    this.#options = options
  }

  /** Begins a search; it must not go on for longer than a call. */
  begin(): Finding {
    this.#begun += 1
    return { nowSeconds: this.#options.clock.next() / US_PER_SECOND, number: this.#begun }
  }

  /** Tells whether a blob is stored; undefined when that cannot be told without waiting. Counts as use. */
  has(digest: Digest, finding: Finding): boolean | undefined {
    const { quick, accessLog } = this.#options
    const folder = this.#folderOf(digest)
    if (folder.lookedDuring < finding.number) this.#look(folder)
    if (folder.seen === 'absent') return false
    const known = folder.isSteady ? folder.known.find(digest) : undefined
    if (known === ABSENT) return false
    if (this.#isFresh(known, finding)) return true
    const stat = quick.stat(`${folder.path}${sep}${digest.hash}`, folder.seen === 'there')
    if (stat === undefined) return undefined
    if (stat === null) {
      if (folder.isSteady) folder.known.note(digest, ABSENT)
      return false
    }
    if (stat.sizeBytes !== digest.sizeBytes || !this.#isSettled(folder, stat.changedMs)) return undefined
    accessLog.use(blobName(digest), stat.modifiedUs)
    if (folder.isSteady) folder.known.note(digest, Math.max(Math.floor(stat.modifiedUs / US_PER_SECOND), ABSENT + 1))
    return true
  }

  /** Tells whether a use would not be recorded, given the second in which the last one was. */
  #isFresh(seconds: number | undefined, { nowSeconds }: Finding): boolean {
    if (seconds === undefined) return false
    const granularity = this.#options.granularityMs / 1000
    return nowSeconds - seconds < granularity && seconds + 1 - nowSeconds < granularity
  }

  /**
   * Tells whether the name of a file that was just looked at is known to be on disk. A file may have been changed otherwise a
   * moment ago, such as by a use that was recorded; then its folder tells, if it is still as it was.
   */
  #isSettled(folder: Folder, changedMs: number): boolean {
    const { quick, syncs } = this.#options
    if (syncs.isSettled(folder.path, changedMs)) return true
    if (!folder.isSteady || !syncs.isSettled(folder.path, folder.changedMs)) return false
    const stat = quick.stat(`${folder.path}${sep}.`)
    return stat?.inode === folder.inode && stat.changedMs === folder.changedMs
  }

  #look(folder: Folder): void {
    folder.lookedDuring = this.#begun
    folder.isSteady = false
    // With the dot it is an error if there is something else than a folder.
    const stat = ARE_FOLDERS_TOLD ? this.#options.quick.stat(`${folder.path}${sep}.`) : undefined
    if (stat === undefined) {
      folder.seen = 'nothing'
      return
    }
    if (stat === null) {
      folder.seen = 'absent'
      folder.known.clear()
      return
    }
    folder.seen = 'there'
    if (stat.inode !== folder.inode || stat.changedMs !== folder.changedMs) folder.known.clear()
    folder.inode = stat.inode
    folder.changedMs = stat.changedMs
    folder.isSteady = Date.now() - stat.changedMs > 2 * COARSE_MS && stat.changedMs % SECOND_MS !== 0
  }

  #folderOf(digest: Digest): Folder {
    const { digestFunction = 'sha256' } = digest
    copyHashWords(digest, this.#words, 1)
    const bucket = (this.#words[0] ?? 0) >>> 24
    let folders = this.#folders.get(digestFunction)
    if (folders === undefined) {
      folders = Array.from({ length: BUCKETS })
      this.#folders.set(digestFunction, folders)
    }
    const folder = folders[bucket] ?? {
      path: this.#options.layout.folderOf(blobName(digest)),
      known: new KnownBlobs(KNOWN_PER_FOLDER),
      lookedDuring: 0,
      seen: 'nothing',
      isSteady: false,
      inode: 0,
      changedMs: 0,
    }
    folders[bucket] = folder
    return folder
  }
}
