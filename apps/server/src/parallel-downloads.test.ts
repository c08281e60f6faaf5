import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '@caskade/core'
import { fsBackend } from '@caskade/fs'
import { sqliteBackend } from '@caskade/sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startHttpFrontends } from './testing/http-frontends.fixture.ts'
import { newBlob } from './testing/reapi-support.fixture.ts'

/** Below and above what storages read at once. */
const SIZES = [1000, 40_000, 100_000, 262_144, 262_145, 1_000_000]

const backends: Readonly<Record<string, (path: string) => Backend>> = {
  fs: (path) => fsBackend({ path, maxBytes: 1e9 }),
  sqlite: (path) => sqliteBackend({ path, maxBytes: 1e9 }),
}

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-parallel-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

describe.each(Object.entries(backends))('downloads over HTTP from %s', (_, create) => {
  test('at once, whole and in part, and one after the other: each gets what it asked for', async () => {
    await using frontends = await startHttpFrontends({ backend: create(directory) })
    const blobs = SIZES.flatMap((size) => [newBlob(size), newBlob(size)])
    for (const { digest, bytes } of blobs) await frontends.put(`/cas/${digest.hash}`, bytes)
    const isRight = async ({ digest, bytes }: (typeof blobs)[number], from: number): Promise<boolean> => {
      const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {}
      return bytes.subarray(from).equals(await frontends.get(`/cas/${digest.hash}`, headers))
    }

    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(blobs.flatMap((blob) => [isRight(blob, 0), isRight(blob, 500)]))
      expect(answers).not.toContain(false)
    }
  })
})
