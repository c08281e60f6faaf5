import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Damage } from '@caskade/conformance'
import type { Digest, StorageABC } from '@caskade/core'
import Database from 'better-sqlite3'
import { blobKey } from './blob-key.ts'

const folders = new WeakMap<object, string>()

/** Makes something in a folder of its own. */
export function inNewFolder<Made extends object>(make: (path: string) => Made): Made {
  const path = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
  const made = make(path)
  folders.set(made, path)
  return made
}

/** Removes that folder. */
export function removeFolder(made: object): void {
  rmSync(folders.get(made) ?? '', { recursive: true })
}

/** The folder that something was made in. */
export function folderOf(made: object): string {
  return folders.get(made) ?? ''
}

/** Damages a stored blob behind the storage's back. */
export function damage(storage: StorageABC, digest: Digest, kind: Damage): void {
  const folder = folders.get(storage) ?? ''
  const database = new Database(join(folder, 'caskade.sqlite'))
  const { id, file } = database.prepare('SELECT id, file_id AS file FROM blob WHERE key = ?').get(blobKey(digest)) as {
    id: number
    file: number | null
  }
  if (file === null) damageRow(database, id, kind)
  else damageFile(findFile(folder, file), kind)
  database.close()
}

function damageRow(database: Database.Database, id: number, kind: Damage): void {
  if (kind === 'remove') {
    database.prepare('DELETE FROM content WHERE blob_id = ?').run(id)
    return
  }
  const { bytes } = database.prepare('SELECT bytes FROM content WHERE blob_id = ?').get(id) as { bytes: Buffer }
  database.prepare('UPDATE content SET bytes = ? WHERE blob_id = ?').run(damaged(bytes, kind), id)
}

function damageFile(path: string, kind: Damage): void {
  if (kind === 'remove') unlinkSync(path)
  else if (kind === 'truncate') truncateSync(path, statSync(path).size - 1)
  else writeFileSync(path, damaged(readFileSync(path), kind))
}

function damaged(bytes: Buffer, kind: Damage): Buffer {
  if (kind === 'truncate') return bytes.subarray(0, -1)
  const changed = Buffer.from(bytes)
  changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
  return changed
}

function findFile(folder: string, id: number): string {
  for (const name of readdirSync(join(folder, 'files'), { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith(`/${id}`)) return join(folder, 'files', name)
  }
  throw new Error(`there is no file ${id}`)
}
