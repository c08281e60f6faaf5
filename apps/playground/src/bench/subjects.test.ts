import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeItems } from './content.ts'
import { contests } from './contests.ts'
import type { Subject } from './subject.ts'

const kinds = [...new Set(contests.flatMap(({ ours, peers }) => [ours, ...peers]))]
const sizes = [17, 1000, 300_000]

test('subjects have names of their own', () => {
  expect(new Set(kinds.map(({ name }) => name)).size).toBe(kinds.length)
})

describe.each(kinds)('$name', (kind) => {
  let folder: string
  let subject: Subject

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'caskade-subject-'))
    subject = await kind.open(folder)
  })

  afterEach(async () => {
    await subject.close()
    rmSync(folder, { recursive: true })
  })

  test.each(['put', 'putVerified'] as const)('%s: what it stored it returns', async (method) => {
    for (const item of sizes.flatMap((size) => makeItems(1, method, 2, size))) {
      expect(await subject.get(item)).toBeUndefined()
      expect(await subject.has(item)).toBe(false)

      await subject[method](item)

      expect(await subject.has(item)).toBe(true)
      const found = await subject.get(item)
      expect(found === undefined ? undefined : digestOf(found)).toEqual(item.digest)
      const streamedBytes = subject.stream === undefined ? item.bytes.byteLength : await subject.stream(item)
      expect(streamedBytes).toBe(item.bytes.byteLength)
    }
  })

  test('in bulk: what it stored it returns, and nothing else', async () => {
    const stored = sizes.flatMap((size) => makeItems(2, 'stored', 40, size))
    const absent = makeItems(2, 'absent', 50, 1000)

    await subject.bulkPut(stored)

    expect(await subject.missing([...stored, ...absent])).toBe(absent.length)
    const found = await subject.bulkGet([...stored, ...absent])
    expect(found.map((bytes) => digestOf(bytes).hash).toSorted()).toEqual(stored.map(({ key }) => key).toSorted())
  })

  test.each(['putVerified', 'bulkPut'] as const)('%s: refuses what has another hash', async (method) => {
    const [one, other] = makeItems(3, 'wrong', 2, 1000)
    if (one === undefined || other === undefined) throw new RangeError('two were to be made')
    const wrong = { ...one, bytes: other.bytes }

    await expect(method === 'bulkPut' ? subject.bulkPut([wrong]) : subject.putVerified(wrong)).rejects.toThrow(
      /digest|hash/,
    )
  })
})
