import assert from 'node:assert/strict'
import type { ActionCacheABC, ActionCacheEntry, ActionKey, OperationOptions } from '@caskade/core'
import { assertSameEntry } from './support.ts'

/** A way to call a method of an action cache about one key. */
export interface MethodCall {
  /** What it does to the entry; one that writes wants it absent before, the others want it stored. */
  readonly effect: 'reads' | 'writes' | 'deletes'
  /** Calls the method; rejects as it does, and fails when the answer is wrong. */
  readonly call: (
    actionCache: ActionCacheABC,
    key: ActionKey,
    entry: ActionCacheEntry,
    options?: OperationOptions,
  ) => Promise<void>
}

/** Every method of an action cache, in every way that it can be called. */
export const methodCalls: Readonly<Record<string, MethodCall>> = {
  get: {
    effect: 'reads',
    async call(actionCache, key, entry, options) {
      const found = await actionCache.get(key, options)
      assert.ok(found, 'get: a stored entry is not found')
      assertSameEntry(found, entry)
    },
  },
  update: {
    effect: 'writes',
    async call(actionCache, key, entry, options) {
      assert.equal(await actionCache.update(key, entry, options), true, 'update: says that it stored nothing')
    },
  },
  'update with ifAbsent': {
    effect: 'writes',
    async call(actionCache, key, entry, options) {
      const isStored = await actionCache.update(key, entry, { ...options, ifAbsent: true })
      assert.equal(isStored, true, 'update with ifAbsent: says that there is an entry')
    },
  },
  delete: {
    effect: 'deletes',
    call: (actionCache, key, _, options) => actionCache.delete(key, options),
  },
  list: {
    effect: 'reads',
    async call(actionCache, { namespace, key }, _, options) {
      const keys: string[] = []
      for await (const record of actionCache.list(namespace, options)) keys.push(record.key.key)
      assert.ok(keys.includes(key), 'list: a stored entry is not listed')
    },
  },
}
