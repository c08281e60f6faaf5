import { existsSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkFullDisk } from './check-full-disk.ts'
import { fileBackend } from './file-backend.fixture.ts'
import type { FileDefect } from './file-folder.fixture.ts'
import { withSmallDisk } from './small-disk.ts'

const SIZE_BYTES = 4 * 1024 * 1024

function temporaryFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.tmp'))
}

/** Resolves to what is wrong with a storage: undefined when it passes, or when no disk can be mounted. */
async function failureOf(storage?: FileDefect): Promise<unknown> {
  let failure: unknown
  await withSmallDisk({ sizeBytes: SIZE_BYTES }, async (directory) => {
    const open = (path: string): ReturnType<typeof fileBackend> =>
      fileBackend(path, undefined, storage === undefined ? {} : { storage })
    failure = await checkFullDisk({ open, directory, leftovers: temporaryFiles }).catch((error: unknown) => error)
  })
  return failure
}

const canMount = await withSmallDisk({ sizeBytes: SIZE_BYTES }, async () => undefined)

describe('checkFullDisk', () => {
  test('lets a storage pass that says when the disk is full', async () => {
    expect(await failureOf()).toBeUndefined()
  })

  test.runIf(canMount).each<[FileDefect, RegExp]>([
    ['hides its failures', /more than fits/],
    ['has failures of its own', /expected no-space/],
    ['leaves its temporary files', /cannot be written|left behind/],
  ])('catches a storage that %s', async (defect, complaint) => {
    expect(String(await failureOf(defect))).toMatch(complaint)
  })
})

describe('withSmallDisk', () => {
  test.runIf(canMount)('unmounts and removes the disk, even when what runs on it fails', async () => {
    let path = ''
    const running = withSmallDisk({ sizeBytes: SIZE_BYTES }, async (directory) => {
      path = directory
      throw new Error('failed')
    })

    await expect(running).rejects.toThrow('failed')

    expect(existsSync(path)).toBe(false)
  })

  test('fails when a disk is required that cannot be mounted', async () => {
    const mounting = withSmallDisk({ sizeBytes: -1, isRequired: true }, async () => undefined)

    await expect(mounting).rejects.toThrow(/cannot mount/)
  })
})
