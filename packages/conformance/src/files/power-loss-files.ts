import { cpSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, unlinkSync, utimesSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { FileOperations, FileStat, OpenFile, OpenMode } from '@caskade/core/files'
import { fileStat, toSeconds } from '@caskade/core/files'
import type { FileOperation } from './file-fault.ts'
import { fileFailure } from './file-fault.ts'
import { PowerLossFile } from './power-loss-file.ts'
import type { SyncedByOthers } from './power-loss-recovery.ts'
import { recoverFolder } from './power-loss-recovery.ts'
import type { ModelFolder, ModelNode, NamePlace } from './power-loss-tree.ts'
import { contentOf, createFile, createFolder, NameTree } from './power-loss-tree.ts'
import type { Random } from './seeded-random.ts'
import { randomBelow, seededRandom } from './seeded-random.ts'

/** How a {@link PowerLossFiles} behaves. */
export interface PowerLossOptions {
  /** The folder that is watched. What is in it now counts as being on disk; what is elsewhere never gets lost. */
  readonly directory: string
  /** Decides when operations happen, and what of the uncertain survives. */
  readonly seed: number
  /** The power fails at this operation, counted from 1, of those that change something. Default: only when `crash()` is called. */
  readonly crashAt?: number | undefined
  /** What is on disk of files that are also written and synced by others, such as a database. Default: nothing more. */
  readonly syncedByOthers?: SyncedByOthers | undefined
}

/**
 * The file operations of a machine whose power fails.
 *
 * Until then they work on the real files of a folder. Then every operation fails, and `recover` makes the folder as it
 * would be found afterwards:
 *
 * - of a file's content, what was there when it was last synced; of each page that changed since, the old or the new;
 * - of names, those that were there when their folder was last synced; changes since then survive or not, either in order,
 *   as a journal keeps them, or each by itself; a rename is never kept by half;
 * - files that were never opened here are taken as they are at that moment, so whoever writes them must sync them himself.
 *
 * Operations happen one at a time and after a random number of turns of the event loop. Nothing is really synced, which
 * makes it fast.
 */
export class PowerLossFiles implements FileOperations {
  readonly #directory: string
  /** Beside it: the folder as it was when the power failed. */
  readonly #frozen: string
  readonly #random: Random
  readonly #crashAt: number
  readonly #syncedByOthers: SyncedByOthers | undefined
  readonly #tree: NameTree
  #operations = 0
  #hasCrashed = false

  constructor({ directory, seed, crashAt = Number.MAX_SAFE_INTEGER, syncedByOthers }: PowerLossOptions) {
    this.#directory = resolve(directory)
    this.#frozen = `${this.#directory}.frozen`
    this.#random = seededRandom(seed)
    this.#crashAt = crashAt
    this.#syncedByOthers = syncedByOthers
    const names = readdirSync(this.#directory, { recursive: true, encoding: 'utf8' })
    this.#tree = new NameTree(this.#directory, new Set(names.map((name) => join(this.#directory, name))))
  }

  /** Whether the power has failed. */
  get hasCrashed(): boolean {
    return this.#hasCrashed
  }

  /** How many operations that change something were begun. */
  get operations(): number {
    return this.#operations
  }

  /** Cuts the power: from now on every operation fails. */
  crash(): void {
    if (this.#hasCrashed) return
    this.#hasCrashed = true
    // What others write after this moment, such as a database that tries to save what it can, was never written.
    cpSync(this.#directory, this.#frozen, { recursive: true })
  }

  /** Fills a new folder with what is found after the power came back. Nobody may use the old one meanwhile. */
  recover(directory: string): void {
    this.crash()
    recoverFolder({
      tree: this.#tree,
      source: this.#frozen,
      locate: (path) => join(this.#frozen, relative(this.#directory, path)),
      target: directory,
      random: this.#random,
      syncedByOthers: this.#syncedByOthers,
    })
    rmSync(this.#frozen, { recursive: true })
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    const perform = (): OpenFile => {
      const place = this.#place(path)
      // Taken up before it is opened, so that a file which was there is told from one that is new.
      const known = place && this.#tree.find(place)
      const file = new PowerLossFile(path, mode, (operation, act) =>
        isObservation(operation) ? this.#observe(operation, path, act) : this.#perform(operation, path, act),
      )
      if (place === undefined) return file
      const node = known ?? createFile()
      if (known === undefined) this.#tree.change([{ place, node }])
      if (node.kind === 'file') file.watch(node)
      return file
    }
    if (mode === 'read' || mode === 'update') return this.#observe('open', path, perform)
    return this.#perform('open', path, perform, (file) => void file.close())
  }

  link(existingPath: string, newPath: string): Promise<void> {
    return this.#perform('link', existingPath, () => {
      const from = this.#place(existingPath)
      const to = this.#place(newPath)
      const node = (from && this.#tree.find(from)) ?? createFile()
      linkSync(existingPath, newPath)
      if (to !== undefined) this.#tree.change([{ place: to, node }])
    })
  }

  rename(oldPath: string, newPath: string): Promise<void> {
    return this.#perform('rename', oldPath, () => {
      const from = this.#place(oldPath)
      const to = this.#place(newPath)
      const node = (from && this.#tree.find(from)) ?? createFile()
      if (from !== undefined) this.#tree.takeUp(from)
      if (to !== undefined) keepContent(this.#tree.find(to))
      renameSync(oldPath, newPath)
      if (node.kind === 'folder') movePaths(node, oldPath, newPath)
      const steps: { place: NamePlace; node: ModelNode | null }[] = []
      if (from !== undefined) steps.push({ place: from, node: null })
      if (to !== undefined) steps.push({ place: to, node })
      this.#tree.change(steps)
    })
  }

  unlink(path: string): Promise<void> {
    return this.#perform('unlink', path, () => {
      const place = this.#place(path)
      if (place !== undefined) keepContent(this.#tree.find(place))
      unlinkSync(path)
      if (place !== undefined) this.#tree.change([{ place, node: null }])
    })
  }

  stat(path: string): Promise<FileStat> {
    return this.#observe('stat', path, () => fileStat(statSync(path)))
  }

  /** Changes nothing that is kept here: times of files are not. */
  setModified(path: string, timeUs: number): Promise<void> {
    return this.#observe('setModified', path, () => utimesSync(path, toSeconds(timeUs), toSeconds(timeUs)))
  }

  createDirectory(path: string): Promise<void> {
    return this.#perform('createDirectory', path, () => {
      const parts = this.#parts(path)
      mkdirSync(path, { recursive: true })
      for (let count = 1; count <= (parts?.length ?? 0); count++) {
        const place = this.#tree.place(parts?.slice(0, count) ?? [])
        if (this.#tree.find(place) === undefined) this.#tree.change([{ place, node: createFolder() }])
      }
    })
  }

  removeDirectory(path: string): Promise<void> {
    return this.#perform('removeDirectory', path, () => {
      const place = this.#place(path)
      const node = place && this.#tree.find(place)
      keepContent(node)
      rmSync(path, { recursive: true, force: true })
      if (place !== undefined && node !== undefined) this.#tree.change([{ place, node: null }])
    })
  }

  readDirectory(path: string): Promise<string[]> {
    return this.#observe('readDirectory', path, () => readdirSync(path))
  }

  syncDirectory(path: string): Promise<void> {
    const upTo = this.#tree.latest
    return this.#perform('syncDirectory', path, () => {
      readdirSync(path)
      const folder = this.#folder(path)
      if (folder !== undefined) this.#tree.sync(folder, upTo)
    })
  }

  #parts(path: string): string[] | undefined {
    const below = relative(this.#directory, resolve(path))
    if (below === '') return []
    return below.startsWith('..') ? undefined : below.split(sep)
  }

  #place(path: string): NamePlace | undefined {
    const parts = this.#parts(path)
    return parts === undefined || parts.length === 0 ? undefined : this.#tree.place(parts)
  }

  #folder(path: string): ModelFolder | undefined {
    const parts = this.#parts(path)
    if (parts === undefined) return undefined
    const node = parts.length === 0 ? this.#tree.root : this.#tree.find(this.#tree.place(parts))
    return node?.kind === 'folder' ? node : undefined
  }

  /** Does something that changes nothing. */
  async #observe<Result>(operation: FileOperation, path: string, act: () => Result): Promise<Result> {
    await this.#turns()
    if (this.#hasCrashed) throw fileFailure('EIO', operation, path)
    return act()
  }

  /** Does something that the power may fail at: just before it, or just after it but before anybody hears of it. */
  async #perform<Result>(
    operation: FileOperation,
    path: string,
    act: () => Result,
    undo?: (result: Result) => void,
  ): Promise<Result> {
    await this.#turns()
    if (this.#hasCrashed) throw fileFailure('EIO', operation, path)
    this.#operations += 1
    if (this.#operations < this.#crashAt) return act()
    if (this.#random() < 0.5) undo?.(act())
    this.crash()
    throw fileFailure('EIO', operation, path)
  }

  async #turns(): Promise<void> {
    for (let turns = randomBelow(this.#random, 4); turns > 0; turns--) await setImmediate()
  }
}

function isObservation(operation: FileOperation): boolean {
  return ['read', 'size', 'stat', 'setModified'].includes(operation)
}

/** Remembers what is about to lose its name: if the removal does not survive, it is there after all. */
function keepContent(node: ModelNode | undefined): void {
  if (node?.kind === 'file' && node.paths.size === 1) node.lastContent = contentOf(node)
  if (node?.kind === 'folder') for (const child of node.live.values()) keepContent(child)
}

/** Has the files of a folder that was renamed be found at their new paths. */
function movePaths(folder: ModelFolder, from: string, to: string): void {
  for (const [name, node] of folder.live) {
    const [before, after] = [join(from, name), join(to, name)]
    if (node.kind === 'folder') movePaths(node, before, after)
    else if (node.paths.delete(before)) node.paths.add(after)
  }
}
