import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkKills } from './check-kills.ts'

const SEED = 20_260_101

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-kills-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

function moduleOf(name: string): URL {
  return new URL(`${name}-module.fixture.ts`, import.meta.url)
}

function temporaryFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'))
}

describe('checkKills', () => {
  test(`lets a backend pass that loses nothing (seed ${SEED})`, async () => {
    const module = moduleOf('file-backend')

    const checking = checkKills({ module, directory, seed: SEED, rounds: 4, leftovers: temporaryFiles })

    await expect(checking).resolves.toBeUndefined()
  })

  test(`catches a storage that acknowledges before it writes (seed ${SEED})`, async () => {
    const module = moduleOf('hasty')

    await expect(checkKills({ module, directory, seed: SEED, rounds: 10 })).rejects.toThrow(
      /was acknowledged|expected nothing/,
    )
  })

  test(`catches a storage that leaves its temporary files (seed ${SEED})`, async () => {
    const module = moduleOf('untidy')

    const checking = checkKills({ module, directory, seed: SEED, rounds: 10, leftovers: temporaryFiles })

    await expect(checking).rejects.toThrow(/should have removed/)
  })

  test('tells when a process ends by itself', async () => {
    const module = moduleOf('missing')

    await expect(checkKills({ module, directory, seed: SEED, rounds: 1 })).rejects.toThrow(
      /round 1: .*ended before it was killed.*missing-module/s,
    )
  })
})
