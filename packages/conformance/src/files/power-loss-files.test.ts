import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OpenFile, OpenMode } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PowerLossFiles } from './power-loss-files.ts'

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed)

let parent: string
let directory: string

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'caskade-power-'))
  directory = join(parent, 'machine')
})

afterEach(() => rmSync(parent, { recursive: true }))

/** What is found after the power failed at the end of `use`, for each of many seeds: contents by name. */
async function findAfter(
  use: (files: PowerLossFiles) => Promise<void>,
  before: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>[]> {
  const found: Record<string, string>[] = []
  for (const seed of SEEDS) {
    rmSync(parent, { recursive: true })
    mkdirSync(directory, { recursive: true })
    for (const [name, content] of Object.entries(before)) writeFileSync(join(directory, name), content)
    const files = new PowerLossFiles({ directory, seed })
    await use(files)
    const after = join(parent, 'after')
    files.recover(after)
    found.push(contents(after))
  }
  return found
}

function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    names
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, 'latin1')]),
  )
}

async function write(files: PowerLossFiles, name: string, mode: OpenMode, content: string): Promise<OpenFile> {
  const file = await files.open(join(directory, name), mode)
  await file.write([Buffer.from(content)], 0)
  return file
}

function distinct(found: readonly Record<string, string>[]): Set<string> {
  return new Set(found.map((each) => JSON.stringify(each)))
}

describe('PowerLossFiles', () => {
  test('keeps what was synced, name and content', async () => {
    const found = await findAfter(async (files) => {
      const file = await write(files, 'a', 'create', 'whole')
      await file.sync()
      await file.close()
      await files.syncDirectory(directory)
    })

    expect(distinct(found)).toEqual(new Set(['{"a":"whole"}']))
  })

  test('may lose the name of a file whose content was synced', async () => {
    const found = await findAfter(async (files) => {
      const file = await write(files, 'a', 'create', 'whole')
      await file.sync()
      await file.close()
    })

    expect(distinct(found)).toEqual(new Set(['{}', '{"a":"whole"}']))
  })

  test('may lose, keep or tear content that was not synced, page by page', async () => {
    const page = 4096
    const found = await findAfter(async (files) => (await write(files, 'a', 'update', 'n'.repeat(3 * page))).close(), {
      a: 'o'.repeat(2 * page),
    })

    const pages = new Set(found.flatMap(({ a = '' }) => [a[0], a[page], a[2 * page]]))
    expect(pages).toEqual(new Set(['o', 'n', '\0', undefined]))
    expect(new Set(found.map(({ a = '' }) => a.length))).toEqual(new Set([2 * page, 3 * page]))
    expect(found.some(({ a = '' }) => a.startsWith('o') && a[page] === 'n')).toBe(true)
  })

  test('never keeps a rename by half', async () => {
    const found = await findAfter((files) => files.rename(join(directory, 'a'), join(directory, 'b')), {
      a: 'new',
      b: 'old',
    })

    expect(distinct(found)).toEqual(new Set(['{"a":"new","b":"old"}', '{"b":"new"}']))
  })

  test('may bring back what was removed, with its content', async () => {
    const found = await findAfter((files) => files.unlink(join(directory, 'a')), { a: 'old' })

    expect(distinct(found)).toEqual(new Set(['{}', '{"a":"old"}']))
  })

  test('loses all that is in a folder whose own name was not synced', async () => {
    const found = await findAfter(async (files) => {
      await files.createDirectory(join(directory, 'folder'))
      const file = await write(files, 'folder/a', 'create', 'whole')
      await file.sync()
      await file.close()
      await files.syncDirectory(join(directory, 'folder'))
    })

    expect(distinct(found)).toEqual(new Set(['{}', '{"folder/a":"whole"}']))
  })

  test('keeps both names of a linked file, which is one file', async () => {
    const found = await findAfter(
      async (files) => {
        await files.link(join(directory, 'a'), join(directory, 'b'))
        const file = await files.open(join(directory, 'b'), 'update')
        await file.write([Buffer.from('new')], 0)
        await file.sync()
        await file.close()
        await files.syncDirectory(directory)
      },
      { a: 'old' },
    )

    expect(distinct(found)).toEqual(new Set(['{"a":"new","b":"new"}']))
  })

  test('counts what others wrote to an open file from its last sync, and takes files it never opened as they are', async () => {
    const found = await findAfter(async (files) => {
      writeFileSync(join(directory, 'log'), 'one')
      writeFileSync(join(directory, 'database'), 'as it is')
      const log = await files.open(join(directory, 'log'), 'update')
      await files.syncDirectory(directory)
      await log.sync()
      writeFileSync(join(directory, 'log'), 'two')
      await log.close()
    })

    expect(new Set(found.map(({ log }) => log))).toEqual(new Set(['one', 'two']))
    expect(new Set(found.map(({ database }) => database))).toEqual(new Set(['as it is']))
  })

  test('fails every operation once the power is gone, and the one at which it goes', async () => {
    mkdirSync(directory)
    writeFileSync(join(directory, 'a'), 'old')
    const files = new PowerLossFiles({ directory, seed: 1, crashAt: 2 })
    const file = await write(files, 'a', 'update', 'new')
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' })

    expect([files.hasCrashed, files.operations]).toEqual([true, 2])
    await expect(file.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.unlink(join(directory, 'a'))).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.open(join(directory, 'a'), 'read')).rejects.toMatchObject({ code: 'EIO' })
    await file.close()
    expect(existsSync(join(directory, 'a'))).toBe(true)
  })

  test('does the same for the same seed', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(async (number) => {
        const folder = join(parent, String(number))
        mkdirSync(folder)
        const files = new PowerLossFiles({ directory: folder, seed: 42 })
        for (let index = 0; index < 20; index++) await (await files.open(join(folder, String(index)), 'create')).close()
        files.recover(join(parent, `${number}-after`))
        return readdirSync(join(parent, `${number}-after`)).toSorted()
      }),
    )

    expect(first).toEqual(second)
    expect([0, 20]).not.toContain(first?.length)
  })
})
