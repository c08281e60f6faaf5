import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { testActionCache, testStorage } from '@caskade/conformance'
import type { ActionCacheABC, Backend, StorageABC } from '@caskade/core'
import { gcsBackend } from '@caskade/gcs'
import type { FakeGcs } from '@caskade/gcs/testing'
import { describe, test } from 'vitest'

const runner = { describe, test }
const folders = new WeakMap<object, string>()

/** Holds both halves of a backend that has a bucket as one of its parts to the suite. */
export function testBackendOverGcs(
  name: string,
  fake: FakeGcs,
  compose: (path: string, gcs: Backend) => Backend,
): void {
  const composeIn = (path: string): Backend => compose(path, gcsIn(fake, path))
  const create = <Half extends StorageABC | ActionCacheABC>(choose: (backend: Backend) => Half): Half => {
    const path = mkdtempSync(join(tmpdir(), 'caskade-gcs-'))
    const half = choose(composeIn(path))
    folders.set(half, path)
    return half
  }
  const destroy = (half: StorageABC | ActionCacheABC): void => {
    const path = folders.get(half) ?? ''
    rmSync(path, { recursive: true })
    for (const object of fake.objects.all) {
      if (object.name.startsWith(`${basename(path)}/`)) fake.objects.delete(object.name)
    }
  }
  testStorage(runner, name, {
    create: () => create(({ storage }) => storage),
    destroy,
    reopen: (earlier) => composeIn(folders.get(earlier) ?? '').storage,
    isRemote: true,
  })
  testActionCache(runner, name, {
    create: () => create(({ actionCache }) => actionCache),
    destroy,
    reopen: (earlier) => composeIn(folders.get(earlier) ?? '').actionCache,
  })
}

/** A backend in a part of the fake's bucket that belongs to a folder. */
function gcsIn(fake: FakeGcs, path: string): Backend {
  return gcsBackend({ bucket: fake.bucket(), prefix: `${basename(path)}/`, retryBaseMs: 1 })
}
