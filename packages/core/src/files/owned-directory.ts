import { randomUUID } from 'node:crypto'
import type { Dirent, Stats } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isErrnoException, StorageError } from '../storage-error.ts'
import { makeDirectories } from './make-directories.ts'
import { nodeFiles } from './file-operations.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { identifyThisProcess, probeProcess } from './process-identity.ts'

/** How often an owner shows that it is alive, for processes that cannot see it, such as those in other containers. */
const HEARTBEAT_MS = 30_000

/** After how long without a sign of life such an owner counts as dead. */
const SILENCE_MS = 10 * HEARTBEAT_MS

const OWNER_SUFFIX = '.owner'
const CLAIM_SUFFIX = '.tmp'

/** The ids that `claim` gives, as `randomUUID` makes them. Nothing of any other name is ours to judge or to remove. */
const ID_PATTERN = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

/**
 * A folder that belongs to this process among those of other processes under the same parent.
 *
 * What it holds is of no use once its owner is gone, so any later process may remove it: see `removeAbandoned`. Its id
 * can also mark things elsewhere as this process's own.
 */
export class OwnedDirectory {
  /** Unique name of this ownership; the folder's name. */
  readonly id: string
  readonly path: string
  readonly #parent: string
  readonly #heartbeat: NodeJS.Timeout

  private constructor(parent: string, id: string) {
    this.id = id
    this.path = join(parent, id)
    this.#parent = parent
    this.#heartbeat = setInterval(() => void this.#showLife(), HEARTBEAT_MS).unref()
  }

  /** Creates a folder for this process under `parent`, which is created too. */
  static async claim(parent: string): Promise<OwnedDirectory> {
    const id = randomUUID()
    await makeDirectories(parent)
    const identity = await identifyThisProcess()
    // The owner file appears whole and before the folder, so that a folder without one is always a leftover.
    await writeFile(join(parent, id + CLAIM_SUFFIX), JSON.stringify(identity), { flush: true })
    await rename(join(parent, id + CLAIM_SUFFIX), join(parent, id + OWNER_SUFFIX))
    await mkdir(join(parent, id))
    // Else a power failure may leave the folder without its owner, and nobody would know how soon to take it over.
    await nodeFiles.syncDirectory(parent)
    return new OwnedDirectory(parent, id)
  }

  /** The ids of owners that are gone without having released their folder. Whatever else lies beside them is left alone. */
  async abandoned(): Promise<string[]> {
    const entries = await readdir(this.#parent, { withFileTypes: true })
    const ids = new Set(entries.map(claimedId).filter((id) => id !== undefined))
    ids.delete(this.id)
    const gone: string[] = []
    for (const id of ids) {
      if (await this.isGone(id)) gone.push(id)
    }
    return gone
  }

  /** Tells whether the owner of that id runs no more; one that was never heard of does not run. */
  async isGone(id: string): Promise<boolean> {
    const isGone = await this.#isOwnerGone(id)
    if (isGone !== undefined) return isGone
    if (!(await this.#isLeftover(id))) return false
    // It may have been claiming all the while: what was looked for first is then there last.
    return (await this.#isOwnerGone(id)) ?? true
  }

  /**
   * Removes what an abandoned owner left. Its owner file goes last, so that an interruption is made up for later.
   *
   * @throws StorageError `invalid-argument` for what cannot be an id, and might name something of somebody else's.
   */
  async removeAbandoned(id: string): Promise<void> {
    if (!ID_PATTERN.test(id)) {
      throw new StorageError('invalid-argument', `OwnedDirectory: ${JSON.stringify(id)} is not the id of an owner`)
    }
    await rm(join(this.#parent, id), { recursive: true, force: true })
    await rm(join(this.#parent, id + CLAIM_SUFFIX), { force: true })
    await rm(join(this.#parent, id + OWNER_SUFFIX), { force: true })
  }

  /** Removes the folder and gives up the ownership. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat)
    await this.removeAbandoned(this.id)
  }

  /** Undefined without an owner file. */
  async #isOwnerGone(id: string): Promise<boolean | undefined> {
    const path = join(this.#parent, id + OWNER_SUFFIX)
    try {
      const identity = parseIdentity(await readFile(path, 'utf8'))
      const liveness = identity === null ? 'unknown' : await probeProcess(identity)
      if (liveness !== 'unknown') return liveness === 'dead'
      return Date.now() - (await stat(path)).mtimeMs > SILENCE_MS
    } catch (error) {
      if (!isErrnoException(error, 'ENOENT')) throw error
      return undefined
    }
  }

  // Without an owner file: either the claim never got that far, or the removal was interrupted.
  async #isLeftover(id: string): Promise<boolean> {
    for (const name of [id, id + CLAIM_SUFFIX]) {
      const found = await statOrUndefined(join(this.#parent, name))
      if (found !== undefined && Date.now() - found.mtimeMs < SILENCE_MS) return false
    }
    return true
  }

  async #showLife(): Promise<void> {
    const now = new Date()
    await utimes(join(this.#parent, this.id + OWNER_SUFFIX), now, now).catch(() => undefined)
  }
}

/** The id to which an entry of the parent folder belongs; undefined for what no claim creates. */
function claimedId(entry: Dirent): string | undefined {
  const suffix = [OWNER_SUFFIX, CLAIM_SUFFIX].find((each) => entry.name.endsWith(each)) ?? ''
  const id = entry.name.slice(0, entry.name.length - suffix.length)
  const isOfItsKind = suffix === '' ? entry.isDirectory() : entry.isFile()
  return isOfItsKind && ID_PATTERN.test(id) ? id : undefined
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return undefined
    throw error
  }
}

// After a power failure the file may be there without its content.
function parseIdentity(text: string): ProcessIdentity | null {
  try {
    return JSON.parse(text) as ProcessIdentity
  } catch {
    return null
  }
}
