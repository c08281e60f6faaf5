import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Damage } from '@caskade/conformance'
import type { Digest, StorageABC } from '@caskade/core'
import { blobName, Layout } from './layout.ts'

const folders = new WeakMap<object, string>()

/** Makes something in a folder of its own. */
export function inNewFolder<Made extends object>(make: (path: string) => Made): Made {
  const path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
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
  damageFile(new Layout(folderOf(storage)).pathOf(blobName(digest)), kind)
}

/** Damages a file. */
export function damageFile(path: string, kind: Damage): void {
  if (kind === 'remove') {
    unlinkSync(path)
    return
  }
  if (kind === 'truncate') {
    truncateSync(path, statSync(path).size - 1)
    return
  }
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
