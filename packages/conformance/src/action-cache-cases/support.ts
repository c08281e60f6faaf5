import assert from 'node:assert/strict'
import type { ActionCacheABC, ActionCacheEntry, ActionKey } from '@caskade/core'
import { digestKey } from '@caskade/core'
import { assertSameBytes } from '../assertions.ts'
import { makeBlob } from '../test-blob.ts'

/** Makes a key in the namespace that most cases use. */
export function key(name: string): ActionKey {
  return { namespace: 'reapi:sha256:main', key: name }
}

/** Makes an entry with content of its own. */
export function makeEntry(seed: number, sizeBytes: number): ActionCacheEntry {
  const { bytes, digest } = makeBlob(seed, sizeBytes)
  return { bytes, references: [digest], metadata: { seed: String(seed) } }
}

/** Fails unless the action cache holds exactly this entry under the key. */
export async function assertEntryIs(
  actionCache: ActionCacheABC,
  actionKey: ActionKey,
  expected: ActionCacheEntry,
): Promise<void> {
  const entry = await actionCache.get(actionKey)
  assert.ok(entry, `get: there is no entry under ${JSON.stringify(actionKey)}`)
  assertSameEntry(entry, expected)
}

/** Fails unless both entries are the same in every part. */
export function assertSameEntry(entry: ActionCacheEntry, expected: ActionCacheEntry): void {
  assertSameBytes(entry.bytes, expected.bytes, 'get')
  assert.deepEqual({ ...entry.metadata }, expected.metadata)
  assert.deepEqual(
    entry.references.map((digest) => [digestKey(digest), digest.sizeBytes]),
    expected.references.map((digest) => [digestKey(digest), digest.sizeBytes]),
  )
}
