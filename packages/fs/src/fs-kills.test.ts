import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkKills } from '@caskade/conformance'
import type { Digest } from '@caskade/core'
import { afterEach, beforeEach, expect, test } from 'vitest'

const SEED = 3

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test(`loses nothing that it acknowledged, and leaves nothing, when its process is killed (seed ${SEED})`, async () => {
  const module = new URL('kill-module.fixture.ts', import.meta.url)

  await expect(checkKills({ module, directory, seed: SEED, rounds: 4, leftovers })).resolves.toBeUndefined()
})

/** What is in no place of its own, and ledgers of the dead. */
function leftovers(folder: string, digests: readonly Digest[]): string[] {
  const files = readdirSync(join(folder, 'cas'), { recursive: true, withFileTypes: true })
  const stored = files.filter((entry) => entry.isFile()).length
  const ledgers = readdirSync(join(folder, 'ledgers'))
  return [
    ...readdirSync(join(folder, 'tmp')),
    ...(stored === digests.length ? [] : [`${stored} files for ${digests.length} blobs`]),
    ...(ledgers.length === 1 ? [] : ledgers),
  ]
}
