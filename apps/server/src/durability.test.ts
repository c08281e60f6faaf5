import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkKills } from '@caskade/conformance'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { durableModules } from '../e2e/support/durable-modules.ts'

// A hundred rounds of this are among the end-to-end tests.
const ROUNDS = 3
const SEED = 20_260_301

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-kills-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

test.each(durableModules)(`$name loses nothing over ${ROUNDS} kills (seed ${SEED})`, async ({ module, leftovers }) => {
  const checking = checkKills({ module, directory, seed: SEED, rounds: ROUNDS, leftovers })

  await expect(checking).resolves.toBeUndefined()
})
