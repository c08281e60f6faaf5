import assert from 'node:assert/strict'
import type { ActionCacheCase } from '../action-cache-harness.ts'
import { giveUpAt, moments } from '../moments.ts'
import { methodCalls } from './methods.ts'
import { assertEntryIs, assertSameEntry, key, makeEntry } from './support.ts'

/** Operations that their caller gives up while they are under way. */
export const abortCases: readonly ActionCacheCase[] = Object.entries(methodCalls).map(([name, { effect, call }]) => ({
  name: `abort: ${name}, given up at any moment, answers rightly or rejects with the reason, and does no harm`,
  async run({ actionCache }) {
    const entry = makeEntry(1, 1000)
    for (const moment of moments) {
      if (effect === 'writes') await actionCache.delete(key('a'))
      else await actionCache.update(key('a'), entry)

      const outcome = await giveUpAt(moment, (signal) => call(actionCache, key('a'), entry, { signal }))

      const found = await actionCache.get(key('a'))
      if (found !== null) assertSameEntry(found, entry)
      if (effect === 'reads') assert.ok(found, `${name}: took the entry with it`)
      else if (outcome !== 'aborted') {
        assert.equal(found !== null, effect === 'writes', `${name}: succeeded and did nothing`)
      }
      await actionCache.update(key('a'), entry)
      await assertEntryIs(actionCache, key('a'), entry)
      if (outcome === 'over') break
    }
  },
}))
