import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { checkKills } from '@caskade/conformance'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'

const SEED = 3

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-sqlite-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test(`loses nothing that it acknowledged, and leaves nothing, when its process is killed (seed ${SEED})`, async () => {
  const module = new URL('kill-module.fixture.ts', import.meta.url)

  await expect(checkKills({ module, directory, seed: SEED, rounds: 4, leftovers })).resolves.toBeUndefined()
})

/** Files that no row names, rows about files that are gone, and owners that are. */
function leftovers(folder: string): string[] {
  const database = new Database(join(folder, 'caskade.sqlite'), { readonly: true })
  const named = database.prepare('SELECT file_id FROM blob WHERE file_id IS NOT NULL').pluck().all().map(String)
  const loose = database.prepare('SELECT id FROM loose_file').pluck().all().map(String)
  database.close()
  const files = readdirSync(join(folder, 'files'), { recursive: true, withFileTypes: true })
  const there = files.filter((entry) => entry.isFile()).map(({ name }) => basename(name))
  return [...there.filter((name) => !named.includes(name)), ...loose, ...readdirSync(join(folder, 'owners'))]
}
