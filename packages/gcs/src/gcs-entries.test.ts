import { createHash } from 'node:crypto'
import { makeBlob } from '@caskade/conformance'
import type { ActionCacheEntry, ActionKey } from '@caskade/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeEntry, encodeEntry } from './entries/entry-format.ts'
import { GcsActionCache } from './index.ts'
import { FakeGcs, inTurn } from './testing/index.ts'

let fake: FakeGcs
let actionCache: GcsActionCache

beforeEach(async () => {
  fake = await FakeGcs.start()
  actionCache = new GcsActionCache({ bucket: fake.bucket(), wait: async () => undefined })
  await actionCache.start()
})

afterEach(async () => {
  await actionCache.stop()
  await fake[Symbol.asyncDispose]()
})

const key: ActionKey = { namespace: 'reapi:sha256:main', key: 'a' }
const entry: ActionCacheEntry = {
  bytes: Buffer.from('value'),
  references: [makeBlob(1, 10).digest, makeBlob(1, 10, 'sha512').digest],
  metadata: { name: 'väl\ud800ue', '': '' },
}

test('an entry that was first stored by an attempt whose answer was lost is one that was absent', async () => {
  for (const fault of [{ type: 'reset-after' }, { type: 'status-after', status: 500 }, { type: 'garbage' }] as const) {
    fake.plan = inTurn('insert', fault)
    expect(await actionCache.update(key, entry, { ifAbsent: true })).toBe(true)

    fake.plan = inTurn('insert', fault)
    expect(await actionCache.update(key, entry, { ifAbsent: true })).toBe(false)
    await actionCache.delete(key)
  }
})

test('an entry that is damaged is dropped, and absent', async () => {
  await actionCache.update(key, entry)
  const name = fake.objects.all[0]?.name ?? ''
  const length = fake.objects.all[0]?.content.byteLength ?? 0

  for (let at = 0; at < length; at += 13) {
    await actionCache.update(key, entry)
    fake.objects.damage(name, (content) => {
      content[at] = (content[at] ?? 0) ^ 4
      return content
    })
    expect(await actionCache.get(key)).toBe(null)
    expect(fake.objects.all).toEqual([])
  }
})

test('an entry of a newer version is refused, and left alone', async () => {
  const content = encodeEntry(key, entry)
  content[4] = 2
  const { byteLength } = content
  createHash('sha256')
    .update(content.subarray(0, byteLength - 32))
    .digest()
    .copy(content, byteLength - 32)
  expect(decodeEntry(content)).toEqual({ kind: 'newer', version: 2 })
  await actionCache.update(key, entry)
  fake.objects.damage(fake.objects.all[0]?.name ?? '', () => content)

  await expect(actionCache.get(key)).rejects.toMatchObject({ code: 'unsupported' })

  expect(fake.objects.all).toHaveLength(1)
})

test('an update that the service takes for one too many is made again', async () => {
  fake.plan = inTurn('insert', ...Array.from({ length: 4 }, () => ({ type: 'status', status: 429 }) as const))

  await actionCache.update(key, entry)

  expect(await actionCache.get(key)).toEqual({ ...entry, bytes: Uint8Array.from(entry.bytes) })
})

test('names stay within what the service takes, and namespaces are listed by whatever they begin with', async () => {
  const namespaces = ['n', 'n/', 'n~', 'né', 'n\ud83d\ude00', 'n'.repeat(1024), 'é'.repeat(1024), 'é'.repeat(1023)]
  for (const namespace of namespaces) {
    for (const name of ['k', '/', '..', 'é'.repeat(1024), '\ud800', '\ud801']) {
      await actionCache.update({ namespace, key: name }, entry)
    }
  }

  for (const { name } of fake.objects.all) expect(Buffer.byteLength(name)).toBeLessThan(1024)
  expect(fake.objects.all).toHaveLength(namespaces.length * 6)
  for (const prefix of ['', 'n', 'n\ud83d', 'é'.repeat(1024), 'é', 'nn', 'x']) {
    const listed = await Array.fromAsync(actionCache.list(prefix), ({ key: found }) => found.namespace)
    const expected = namespaces.filter((namespace) => namespace.startsWith(prefix))
    expect(new Set(listed)).toEqual(new Set(expected))
    expect(listed).toHaveLength(expected.length * 6)
  }
})

test('more entries than the service lists at once are all listed', async () => {
  for (let number = 0; number < 1100; number++) {
    const content = encodeEntry({ ...key, key: String(number) }, entry)
    fake.objects.replace(`ac/reapi:sha256:main/${number}`, { content })
  }

  const listed = await Array.fromAsync(actionCache.list('reapi'), (record) => record.key.key)

  expect(new Set(listed).size).toBe(1100)
})
