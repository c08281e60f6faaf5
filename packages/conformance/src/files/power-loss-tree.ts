import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A file as the model sees it, whatever its names. */
export interface ModelFile {
  readonly kind: 'file'
  /** What is on disk for certain: its content when it was last synced. */
  durable: Buffer
  /** Numbers the sync that `durable` is of, so that one that began earlier and ends later does not undo it. */
  syncedAt: number
  /** Its present names. */
  readonly paths: Set<string>
  /** The content when its last name was removed. */
  lastContent: Buffer
}

/** A folder as the model sees it. */
export interface ModelFolder {
  readonly kind: 'folder'
  /** What a process sees now, as far as it is known. */
  readonly live: Map<string, ModelNode>
  /** The names that are on disk for certain, and the number of the change that put them there; null for one removed. */
  readonly durable: Map<string, { readonly node: ModelNode | null; readonly changedAt: number }>
}

export type ModelNode = ModelFile | ModelFolder

/** A change of names that is one to a file system, which keeps all of it or nothing. */
export interface NameChange {
  readonly number: number
  readonly steps: readonly { readonly folder: ModelFolder; readonly name: string; readonly node: ModelNode | null }[]
}

/** A name in a folder. */
export interface NamePlace {
  readonly folder: ModelFolder
  readonly name: string
  readonly path: string
}

export function createFile(durable: Buffer = Buffer.alloc(0)): ModelFile {
  return { kind: 'file', durable, syncedAt: 0, paths: new Set(), lastContent: Buffer.alloc(0) }
}

export function createFolder(): ModelFolder {
  return { kind: 'folder', live: new Map(), durable: new Map() }
}

/** What a process would read from the file now. */
export function contentOf(file: ModelFile): Buffer {
  const [path] = file.paths
  return path === undefined ? file.lastContent : readFileSync(path)
}

/** The names below a folder: what a process sees, what is on disk, and the changes that may or may not be. */
export class NameTree {
  readonly root: ModelFolder = createFolder()
  readonly #directory: string
  readonly #wasThere: ReadonlySet<string>
  #pending: NameChange[] = []
  #changes = 0

  /** `wasThere` holds the paths that were on disk before anything happened. */
  constructor(directory: string, wasThere: ReadonlySet<string>) {
    this.#directory = directory
    this.#wasThere = wasThere
  }

  /** The changes that no sync has covered, oldest first. */
  get pending(): readonly NameChange[] {
    return this.#pending
  }

  /** The folder and the name that make up a path below the root, given as its parts. */
  place(parts: readonly string[]): NamePlace {
    let folder = this.root
    let path = this.#directory
    for (const part of parts.slice(0, -1)) {
      const node = this.find({ folder, name: part, path: join(path, part) })
      path = join(path, part)
      // Whoever uses a folder that is not there gets the error of the real operation.
      folder = node?.kind === 'folder' ? node : createFolder()
    }
    const name = parts.at(-1) ?? ''
    return { folder, name, path: join(path, name) }
  }

  /** What stands under a name now; what came there without the model's knowledge is taken up. */
  find(place: NamePlace): ModelNode | undefined {
    const known = place.folder.live.get(place.name)
    if (known !== undefined || !existsSync(place.path)) return known
    const wasThere = this.#wasThere.has(place.path)
    const node = statSync(place.path).isDirectory()
      ? createFolder()
      : createFile(wasThere ? readFileSync(place.path) : undefined)
    this.change([{ place, node }])
    if (wasThere) this.#settle(this.#pending.pop())
    return node
  }

  /** Takes up everything in a folder, which is about to be found elsewhere. */
  takeUp(place: NamePlace): void {
    const node = this.find(place)
    if (node?.kind !== 'folder') return
    for (const name of readdirSync(place.path)) this.takeUp({ folder: node, name, path: join(place.path, name) })
  }

  /** Changes what stands under some names, all at once; null removes a name. */
  change(steps: readonly { readonly place: NamePlace; readonly node: ModelNode | null }[]): void {
    for (const { place, node } of steps) setLive(place, node)
    this.#changes += 1
    this.#pending.push({
      number: this.#changes,
      steps: steps.map(({ place: { folder, name }, node }) => ({ folder, name, node })),
    })
  }

  /** The number of the latest change. */
  get latest(): number {
    return this.#changes
  }

  /** Makes the changes of a folder durable, up to one of them. */
  sync(folder: ModelFolder, upTo: number): void {
    const isCovered = (change: NameChange): boolean =>
      change.number <= upTo && change.steps.some((step) => step.folder === folder)
    for (const change of this.#pending.filter(isCovered)) this.#settle(change)
    this.#pending = this.#pending.filter((change) => !isCovered(change))
  }

  /** Ends the uncertainty: the changes that `survives` chooses are on disk, the others never were. */
  settleAll(survives: (change: NameChange) => boolean): void {
    for (const change of this.#pending.filter(survives)) this.#settle(change)
    this.#pending = []
  }

  #settle(change: NameChange | undefined): void {
    for (const { folder, name, node } of change?.steps ?? []) {
      // A later change of the same name may have become durable before, with the sync of another folder.
      if ((folder.durable.get(name)?.changedAt ?? 0) > (change?.number ?? 0)) continue
      folder.durable.set(name, { node, changedAt: change?.number ?? 0 })
    }
  }
}

function setLive({ folder, name, path }: NamePlace, node: ModelNode | null): void {
  const before = folder.live.get(name)
  if (before?.kind === 'file') before.paths.delete(path)
  if (node === null) {
    folder.live.delete(name)
    return
  }
  folder.live.set(name, node)
  if (node.kind === 'file') node.paths.add(path)
}
