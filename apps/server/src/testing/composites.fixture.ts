import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { testActionCache, testStorage } from '@caskade/conformance'
import type { ActionCacheABC, Backend, StorageABC } from '@caskade/core'
import { sqliteBackend } from '@caskade/sqlite'
import { describe, test } from 'vitest'

const runner = { describe, test }
const folders = new WeakMap<object, string>()

/** Holds both halves of a backend, made in a folder of its own, to the suite. Default: it remembers if SQLite is part of it. */
export function testBackend(
  name: string,
  compose: (path: string) => Backend,
  isPersistent: boolean = name.includes('Sqlite'),
): void {
  testStorage(runner, name, {
    create: () => inNewFolder((path) => compose(path).storage),
    destroy: removeFolder,
    ...(isPersistent && { reopen: (earlier) => compose(folders.get(earlier) ?? '').storage }),
  })
  testActionCacheOf(name, compose, isPersistent)
}

/** Holds the action cache of a backend to the suite, where the storage is that of another. */
export function testActionCacheOf(
  name: string,
  compose: (path: string) => Backend,
  isPersistent: boolean = name.includes('Sqlite'),
): void {
  testActionCache(runner, name, {
    create: () => inNewFolder((path) => compose(path).actionCache),
    destroy: removeFolder,
    ...(isPersistent && { reopen: (earlier) => compose(folders.get(earlier) ?? '').actionCache }),
  })
}

/** Holds a storage that always has the empty blob to the suite. */
export function testStorageWithEmptyBlob(name: string, make: (path: string) => StorageABC): void {
  testStorage(runner, name, { create: () => inNewFolder(make), destroy: removeFolder, hasEmptyBlob: true })
}

/** One of several SQLite backends in a folder. */
export function sqliteIn(path: string, name: string): Backend {
  return sqliteBackend({ path: join(path, name) })
}

function inNewFolder<Half extends StorageABC | ActionCacheABC>(make: (path: string) => Half): Half {
  const path = mkdtempSync(join(tmpdir(), 'caskade-composite-'))
  const half = make(path)
  folders.set(half, path)
  return half
}

function removeFolder(half: StorageABC | ActionCacheABC): void {
  rmSync(folders.get(half) ?? '', { recursive: true })
}
