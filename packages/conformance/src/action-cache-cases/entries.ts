import assert from 'node:assert/strict'
import type { ActionCacheEntry, ActionKey } from '@caskade/core'
import { MAX_ENTRY_BYTES } from '@caskade/core'
import type { ActionCacheCase } from '../action-cache-harness.ts'
import { assertSameBytes } from '../assertions.ts'
import { makeBlob } from '../test-blob.ts'
import { assertEntryIs, key, makeEntry } from './support.ts'

/** What is got is what was stored, under its key and no other. */
export const entryCases: readonly ActionCacheCase[] = [
  {
    name: 'absent: an entry that was never stored is null, and deleting it succeeds',
    async run({ actionCache }) {
      assert.equal(await actionCache.get(key('a')), null)
      await actionCache.delete(key('a'))
    },
  },
  {
    name: 'update: keeps value, references and metadata',
    async run({ actionCache }) {
      const entry: ActionCacheEntry = {
        bytes: makeBlob(1, 200).bytes,
        references: [makeBlob(1, 5).digest, makeBlob(2, 0).digest, makeBlob(3, 7, 'sha512').digest],
        metadata: { tag: 'ünïcode', empty: '', 'x-artifact-duration': '12' },
      }

      assert.equal(await actionCache.update(key('a'), entry), true)

      await assertEntryIs(actionCache, key('a'), entry)
    },
  },
  {
    name: 'update: an empty value is an entry',
    async run({ actionCache }) {
      const entry: ActionCacheEntry = { bytes: new Uint8Array(0), references: [], metadata: {} }

      await actionCache.update(key('a'), entry)

      await assertEntryIs(actionCache, key('a'), entry)
    },
  },
  {
    name: 'update: takes values up to the limit, and refuses longer ones without harming what is there',
    async run({ actionCache }) {
      const largest = makeEntry(1, MAX_ENTRY_BYTES)
      await actionCache.update(key('a'), largest)

      await assert.rejects(actionCache.update(key('a'), makeEntry(2, MAX_ENTRY_BYTES + 1)), { code: 'too-large' })

      await assertEntryIs(actionCache, key('a'), largest)
    },
  },
  {
    name: 'update: replaces an older entry wholly',
    async run({ actionCache }) {
      await actionCache.update(key('a'), { ...makeEntry(1, 300), metadata: { old: 'yes' } })
      const newer = makeEntry(2, 10)

      assert.equal(await actionCache.update(key('a'), newer), true)

      await assertEntryIs(actionCache, key('a'), newer)
    },
  },
  {
    name: 'update: with ifAbsent keeps an older entry, and stores where there is none',
    async run({ actionCache }) {
      const first = makeEntry(1, 30)
      assert.equal(await actionCache.update(key('a'), first, { ifAbsent: true }), true)

      assert.equal(await actionCache.update(key('a'), makeEntry(2, 30), { ifAbsent: true }), false)

      await assertEntryIs(actionCache, key('a'), first)
    },
  },
  {
    name: 'update: of many concurrent ones with ifAbsent exactly one wins',
    async run({ actionCache }) {
      const entries = Array.from({ length: 50 }, (_, index) => makeEntry(index, 40))

      const won = await Promise.all(entries.map((entry) => actionCache.update(key('a'), entry, { ifAbsent: true })))

      assert.equal(won.filter(Boolean).length, 1)
      const winner = entries[won.indexOf(true)]
      assert.ok(winner)
      await assertEntryIs(actionCache, key('a'), winner)
    },
  },
  {
    name: 'update: keeps its own copy of the value',
    async run({ actionCache }) {
      const expected = makeEntry(1, 100)
      const mutable = Uint8Array.from(expected.bytes)
      await actionCache.update(key('a'), { ...expected, bytes: mutable })

      mutable.fill(0)

      await assertEntryIs(actionCache, key('a'), expected)
    },
  },
  {
    name: 'delete: removes the entry and no other',
    async run({ actionCache }) {
      const entry = makeEntry(1, 30)
      await actionCache.update(key('a'), entry)
      await actionCache.update(key('b'), entry)

      await actionCache.delete(key('a'))

      assert.equal(await actionCache.get(key('a')), null)
      await assertEntryIs(actionCache, key('b'), entry)
    },
  },
  {
    name: 'namespaces: the same key in two namespaces is two entries, however they are spelled',
    async run({ actionCache }) {
      const keys: ActionKey[] = [
        { namespace: 'reapi:sha256:', key: 'a/b' },
        { namespace: 'reapi:sha256:a', key: 'b' },
        { namespace: 'reapi:sha256:a/b', key: 'c' },
        { namespace: 'reapi:sha256:a', key: 'b/c' },
        { namespace: 'REAPI:sha256:a', key: 'B' },
        { namespace: 'reapi:sha256:a', key: '../b' },
        { namespace: 'reapi:sha256:%_', key: 'ünïcode "quoted"' },
      ]
      for (const [index, each] of keys.entries()) await actionCache.update(each, makeEntry(index, 20))

      for (const [index, each] of keys.entries()) await assertEntryIs(actionCache, each, makeEntry(index, 20))
    },
  },
  {
    name: 'list: yields every entry of the namespaces that begin with the prefix',
    async run({ actionCache }) {
      const namespaces = ['reapi:sha256:', 'reapi:sha256:main', 'reapi:sha256:main2', 'nx:main', 'reapi_sha256:main']
      for (const [index, namespace] of namespaces.entries()) {
        for (const name of ['x', 'y']) await actionCache.update({ namespace, key: name }, makeEntry(index, 25))
      }

      const listed: string[] = []
      for await (const record of actionCache.list('reapi:sha256:')) {
        listed.push(`${record.key.namespace} ${record.key.key}`)
        assertSameBytes(record.entry.bytes, makeEntry(namespaces.indexOf(record.key.namespace), 25).bytes, 'list')
      }

      const expected = namespaces.slice(0, 3).flatMap((namespace) => [`${namespace} x`, `${namespace} y`])
      assert.deepEqual(listed.toSorted(), expected.toSorted())
    },
  },
]
