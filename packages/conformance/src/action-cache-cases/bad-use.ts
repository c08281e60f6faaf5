import assert from 'node:assert/strict'
import type { ActionCacheABC } from '@caskade/core'
import { MAX_KEY_LENGTH } from '@caskade/core'
import type { ActionCacheCase } from '../action-cache-harness.ts'
import { assertRejects, assertRejectsWith } from '../assertions.ts'
import { methodCalls } from './methods.ts'
import { assertEntryIs, key, makeEntry } from './support.ts'

/** Malformed input, operations that are given up, and use at the wrong time. */
export const badUseCases: readonly ActionCacheCase[] = [
  {
    name: 'hygiene: an unusable key is an invalid argument to every method',
    async run({ actionCache }) {
      for (const part of ['', 'a\0b', 'x'.repeat(MAX_KEY_LENGTH + 1)]) {
        for (const bad of [
          { namespace: part, key: 'a' },
          { namespace: 'n', key: part },
        ]) {
          await assertRejects(actionCache.get(bad), 'invalid-argument', 'get')
          await assertRejects(actionCache.update(bad, makeEntry(1, 1)), 'invalid-argument', 'update')
          await assertRejects(actionCache.delete(bad), 'invalid-argument', 'delete')
        }
      }
    },
  },
  {
    name: 'hygiene: an entry with a malformed reference is an invalid argument',
    async run({ actionCache }) {
      const entry = { ...makeEntry(1, 1), references: [{ hash: '../../etc/passwd', sizeBytes: 1 }] }

      await assertRejects(actionCache.update(key('a'), entry), 'invalid-argument', 'update')

      assert.equal(await actionCache.get(key('a')), null)
    },
  },
  {
    name: 'abort: an aborted signal ends every method with its own reason, and changes nothing',
    async run({ actionCache }) {
      await actionCache.update(key('a'), makeEntry(1, 10))
      const reason = new Error('enough')

      for (const [name, { call }] of Object.entries(methodCalls)) {
        const options = { signal: AbortSignal.abort(reason) }
        await assertRejectsWith(call(actionCache, key('a'), makeEntry(2, 10), options), reason, name)
      }

      await assertEntryIs(actionCache, key('a'), makeEntry(1, 10))
    },
  },
  {
    name: 'lifecycle: every method refuses before start and after stop',
    startsItself: true,
    async run({ actionCache }) {
      await assertNotRunning(actionCache, 'before start')
      await actionCache.start()
      await actionCache.update(key('a'), makeEntry(1, 10))
      await actionCache.stop()
      await assertNotRunning(actionCache, 'after stop')
    },
  },
  {
    name: 'lifecycle: stop before start does nothing, and starts are counted',
    startsItself: true,
    async run({ actionCache }) {
      await actionCache.stop()
      await Promise.all([actionCache.start(), actionCache.start()])
      await actionCache.stop()

      await actionCache.update(key('a'), makeEntry(1, 10))

      await assertEntryIs(actionCache, key('a'), makeEntry(1, 10))
    },
  },
  {
    name: 'reopen: what was stored is there after a stop and a start',
    needs: 'reopen',
    async run({ actionCache, harness }) {
      await actionCache.update(key('a'), makeEntry(1, 10))
      await actionCache.update(key('b'), makeEntry(2, 1000))
      await actionCache.delete(key('a'))
      await actionCache.stop()

      assert.ok(harness.reopen)
      const reopened = await harness.reopen(actionCache)
      await reopened.start()

      try {
        assert.equal(await reopened.get(key('a')), null)
        await assertEntryIs(reopened, key('b'), makeEntry(2, 1000))
      } finally {
        await reopened.stop()
      }
    },
  },
]

async function assertNotRunning(actionCache: ActionCacheABC, when: string): Promise<void> {
  for (const [name, { call }] of Object.entries(methodCalls)) {
    const options = { signal: new AbortController().signal }
    await assertRejects(call(actionCache, key('a'), makeEntry(1, 10)), 'not-running', `${name} ${when}`)
    const withOptions = call(actionCache, key('a'), makeEntry(1, 10), options)
    await assertRejects(withOptions, 'not-running', `${name} with options ${when}`)
  }
}
