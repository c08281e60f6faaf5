import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ModelFile, ModelFolder, NameTree } from './power-loss-tree.ts'
import type { Random } from './seeded-random.ts'
import { randomBelow, randomOf } from './seeded-random.ts'

/** The unit in which a page cache is written to disk. */
const PAGE_BYTES = 4096

/**
 * Tells what of a file is on disk because somebody else than the storage synced it: given the content at the last sync
 * through the seam and the present content, returns the content that is certain.
 */
export type SyncedByOthers = (path: string, durable: Buffer, current: Buffer) => Buffer

/** What a recovery works on. */
export interface Recovery {
  readonly tree: NameTree
  /** The folder as it was when the power failed. */
  readonly source: string
  /** Where in it something is that a process saw at a path. */
  readonly locate: (path: string) => string
  /** The folder to make. */
  readonly target: string
  readonly random: Random
  readonly syncedByOthers?: SyncedByOthers | undefined
}

/** Makes a folder as a machine would find it after its power failed. */
export function recoverFolder(recovery: Recovery): void {
  const { tree, source, target, random } = recovery
  chooseChanges(tree, random)
  // What others wrote comes first, because their files may promise that something is in those that follow: a page of a
  // database is written only when the log that it comes from is on disk.
  copyUnknown(tree.root, source, target)
  writeKnown(tree.root, target, recovery, new Map())
  ageOwners(target)
}

function chooseChanges(tree: NameTree, random: Random): void {
  const isJournal = random() < 0.5
  const kept = randomBelow(random, tree.pending.length + 1)
  const last = tree.pending[kept]?.number ?? Number.MAX_SAFE_INTEGER
  tree.settleAll(isJournal ? ({ number }) => number < last : () => random() < 0.5)
}

function copyUnknown(folder: ModelFolder, source: string, target: string): void {
  mkdirSync(target, { recursive: true })
  if (!existsSync(source)) return
  for (const name of readdirSync(source)) {
    if (folder.live.has(name) || folder.durable.has(name)) continue
    cpSync(join(source, name), join(target, name), { recursive: true })
  }
  for (const [name, { node }] of folder.durable) {
    if (node?.kind === 'folder') copyUnknown(node, join(source, name), join(target, name))
  }
}

function writeKnown(folder: ModelFolder, target: string, recovery: Recovery, written: Map<ModelFile, string>): void {
  for (const [name, { node }] of folder.durable) {
    if (node === null) continue
    const path = join(target, name)
    if (node.kind === 'folder') {
      writeKnown(node, path, recovery, written)
      continue
    }
    // What others removed is gone: they have synced what makes it superfluous, as SQLite does before it removes its log.
    if ([...node.paths].some((each) => !existsSync(recovery.locate(each)))) continue
    const earlier = written.get(node)
    written.set(node, path)
    if (earlier === undefined) writeFileSync(path, recoveredContent(node, recovery))
    else linkSync(earlier, path)
  }
}

function recoveredContent(file: ModelFile, { random, syncedByOthers, locate }: Recovery): Buffer {
  const [path] = [...file.paths].map(locate)
  const current = path === undefined ? file.lastContent : readFileSync(path)
  const durable = path === undefined ? file.durable : (syncedByOthers?.(path, file.durable, current) ?? file.durable)
  const outcome = randomOf(random, ['lost', 'kept', 'mixed', 'mixed'])
  if (outcome === 'lost') return durable
  return outcome === 'kept' ? current : mixPages(durable, current, random)
}

/** Takes each page from before or after, and so the size; a page that reached no disk reads as zeros. */
function mixPages(durable: Buffer, current: Buffer, random: Random): Buffer {
  const mixed = Buffer.alloc(randomOf(random, [durable.byteLength, current.byteLength]))
  for (let at = 0; at < mixed.byteLength; at += PAGE_BYTES) {
    const from = random() < 0.5 ? durable : current
    if (at < from.byteLength) from.copy(mixed, at, at, at + PAGE_BYTES)
  }
  return mixed
}

/** Has owners of folders (`OwnedDirectory`) belong to a machine that was not yet restarted: here it never was. */
function ageOwners(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.owner')) continue
    const path = join(directory, name)
    const identity = JSON.parse(readFileSync(path, 'utf8')) as object
    writeFileSync(path, JSON.stringify({ ...identity, boot: 'before the power failed' }))
  }
}
