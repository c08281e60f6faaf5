import assert from 'node:assert/strict'
import type { ActionCacheCase } from '../action-cache-harness.ts'
import { assertRejects } from '../assertions.ts'
import { turns } from '../moments.ts'
import { assertEntryIs, assertSameEntry, key, makeEntry } from './support.ts'

/** What several clients do at once. */
export const concurrencyCases: readonly ActionCacheCase[] = [
  {
    name: 'concurrency: updates, reads and deletes of one key never fail, and reads get one whole entry or null',
    async run({ actionCache }) {
      const entries = Array.from({ length: 60 }, (_, index) => makeEntry(index, 10 + index))
      const read = async (): Promise<void> => {
        const found = await actionCache.get(key('a'))
        if (found === null) return
        const written = entries[Number(found.metadata['seed'])]
        assert.ok(written, 'get: finds an entry that nobody wrote')
        assertSameEntry(found, written)
      }

      await Promise.all(
        entries.map(async (entry, index) => {
          // Some of each begin together, others while those are at work.
          await turns(Math.floor(index / 4) % 4)
          await actionCache.update(key('a'), entry, { ifAbsent: index % 4 === 0 })
          await read()
          if (index % 4 === 1) await actionCache.delete(key('a'))
          await read()
        }),
      )

      const last = makeEntry(99, 99)
      await actionCache.update(key('a'), last)
      await assertEntryIs(actionCache, key('a'), last)
    },
  },
  {
    name: 'concurrency: entries of many keys, written, replaced and deleted at once, do not meet',
    async run({ actionCache }) {
      const names = Array.from({ length: 40 }, (_, index) => `key ${index}`)

      await Promise.all(
        names.map(async (name, index) => {
          await actionCache.update(key(name), makeEntry(index + 1000, 50))
          await actionCache.update(key(name), makeEntry(index, 50))
          if (index % 2 === 1) await actionCache.delete(key(name))
        }),
      )

      for (const [index, name] of names.entries()) {
        if (index % 2 === 0) await assertEntryIs(actionCache, key(name), makeEntry(index, 50))
        else assert.equal(await actionCache.get(key(name)), null, 'get: a deleted entry is there')
      }
    },
  },
  {
    name: 'lifecycle: updates under way when it stops are stored whole or refused',
    async run({ actionCache, harness }) {
      const entries = Array.from({ length: 20 }, (_, index) => makeEntry(index, 500))
      const updating = entries.map((entry, index) => actionCache.update(key(`key ${index}`), entry))

      const stopping = actionCache.stop()
      const outcomes = await Promise.allSettled(updating)
      await stopping

      const next = (await harness.reopen?.(actionCache)) ?? actionCache
      await next.start()
      try {
        for (const [index, { status }] of outcomes.entries()) {
          if (status === 'rejected') await assertRejects(updating[index] ?? Promise.resolve(), 'not-running', 'update')
          const found = await next.get(key(`key ${index}`))
          if (found !== null) assertSameEntry(found, entries[index] ?? makeEntry(0, 0))
          const isLost = status === 'fulfilled' && found === null && next !== actionCache
          assert.ok(!isLost, 'update: was acknowledged and is lost')
        }
      } finally {
        if (next !== actionCache) await next.stop()
      }
    },
  },
]
