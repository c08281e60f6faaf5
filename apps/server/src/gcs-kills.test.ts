import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkGcsKills, gcsModules } from '../e2e/support/gcs-kills.ts'

// Many more rounds of this are among the end-to-end tests.
const ROUNDS = 3
const SEED = 20_260_401

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-gcs-kills-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test.each(gcsModules)(`$name loses nothing over ${ROUNDS} kills (seed ${SEED})`, async (backend) => {
  await expect(checkGcsKills(backend, { directory, seed: SEED, rounds: ROUNDS })).resolves.toBeUndefined()
})
