import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  ChunkList,
  FileWriter,
  makeDirectories,
  nodeFiles,
  OwnedDirectory,
  readerFromFile,
  SyncGroup,
} from './index.ts'
import { fileError, type OpenFile } from './index.ts'
import type { ProcessIdentity } from './process-identity.ts'
import { identifyThisProcess } from './process-identity.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caskade-files-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

describe('ChunkList', () => {
  test('gives back what was put in, whatever the sizes', () => {
    const list = new ChunkList()
    const chunks = [1, 4095, 4096, 3, 70_000, 16_000, 16_000, 0, 5].map((size, index) => Buffer.alloc(size, index))

    for (const chunk of chunks) list.push(chunk)

    expect(list.byteLength).toBe(chunks.reduce((sum, { byteLength }) => sum + byteLength, 0))
    expect(Buffer.concat(list.take()).equals(Buffer.concat(chunks))).toBe(true)
    expect(list.byteLength).toBe(0)
    expect(list.take()).toEqual([])
  })

  test('keeps single bytes together instead of one buffer each', () => {
    const list = new ChunkList()

    for (let index = 0; index < 100_000; index++) list.push(Buffer.from([index]))

    expect(list.take().length).toBeLessThan(10)
  })
})

describe('FileWriter', () => {
  test('writes every chunk in order', async () => {
    const file = await nodeFiles.open(join(directory, 'out'), 'create')
    const writer = new FileWriter(file)
    const chunks = Array.from({ length: 200 }, (_, index) => Buffer.alloc(index * 97, index))

    for (const chunk of chunks) await writer.append(chunk)
    await writer.flush()
    await file.close()

    expect((await readFile(join(directory, 'out'))).equals(Buffer.concat(chunks))).toBe(true)
  })
})

describe('an open file', () => {
  test('waits with closing for the operations under way, and refuses new ones', async () => {
    const file = await nodeFiles.open(join(directory, 'out'), 'create')
    const writing = file.write([Buffer.alloc(10_000_000, 'x')], 0)

    const closing = file.close()

    await expect(file.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'not-running' })
    await Promise.all([writing, closing])
    expect((await readFile(join(directory, 'out'))).byteLength).toBe(10_000_000)
  })
})

describe('readerFromFile', () => {
  test('tells a failed read as a StorageError, and releases the file', async () => {
    const file = await nodeFiles.open(join(directory, 'out'), 'create')
    const failure = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
    const broken: OpenFile = Object.assign(Object.create(file) as OpenFile, { read: () => Promise.reject(failure) })
    const reader = readerFromFile(broken, { offset: 0, length: 10 }, { release: () => file.close() })

    await expect(reader.bytes()).rejects.toMatchObject({ name: 'StorageError', code: 'unknown', cause: failure })

    await expect(file.sizeBytes()).rejects.toMatchObject({ code: 'not-running' })
  })
})

describe('SyncGroup', () => {
  test('serves a request by a sync that began after it, and shares it', async () => {
    const gates: PromiseWithResolvers<void>[] = []
    const group = new SyncGroup(() => {
      const gate = Promise.withResolvers<void>()
      gates.push(gate)
      return gate.promise
    })

    const first = group.request()
    const later = [group.request(), group.request(), group.request()]
    expect(gates).toHaveLength(1)
    gates[0]?.resolve()
    await first
    await Promise.resolve()
    expect(gates).toHaveLength(2)
    gates[1]?.resolve()
    await Promise.all(later)

    expect(gates).toHaveLength(2)
  })

  test('tells a failure to those it concerns, and goes on', async () => {
    let syncs = 0
    const group = new SyncGroup(async () => {
      syncs += 1
      if (syncs === 1) throw new Error('EIO')
    })

    await expect(group.request()).rejects.toThrow('EIO')
    await group.request()

    expect(syncs).toBe(2)
  })
})

describe('OwnedDirectory', () => {
  test('sees no living owner as abandoned', async () => {
    const left = await OwnedDirectory.claim(directory)
    const right = await OwnedDirectory.claim(directory)

    expect(await left.abandoned()).toEqual([])
    expect(await right.isGone(left.id)).toBe(false)
    await left.release()
    expect(await right.isGone(left.id)).toBe(true)
    await right.release()
    expect(await readdir(directory)).toEqual([])
  })

  test('is never taken for abandoned while it is being claimed', async () => {
    const watcher = await OwnedDirectory.claim(directory)
    const abandoned = new Set<string>()
    const over = new AbortController()
    const watch = async (): Promise<void> => {
      while (!over.signal.aborted) for (const id of await watcher.abandoned()) abandoned.add(id)
    }
    const watching = [watch(), watch(), watch()]

    const claimed: string[] = []
    for (let count = 0; count < 50; count++) {
      const owned = await OwnedDirectory.claim(directory)
      if (abandoned.has(owned.id)) claimed.push(owned.id)
      await owned.release()
    }
    over.abort()
    await Promise.all(watching)

    expect(claimed).toEqual([])
    await watcher.release()
  })

  test('finds what a process left that was killed, and removes it', async () => {
    const script = `
      const { OwnedDirectory } = await import(${JSON.stringify(new URL('owned-directory.ts', import.meta.url).href)})
      const owned = await OwnedDirectory.claim(${JSON.stringify(directory)})
      console.log(owned.id)
      process.kill(process.pid, 'SIGKILL')`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    const id = stdout.trim()
    const owned = await OwnedDirectory.claim(directory)

    expect(await owned.abandoned()).toEqual([id])
    await owned.removeAbandoned(id)

    expect(await owned.abandoned()).toEqual([])
    await owned.release()
    expect(await readdir(directory)).toEqual([])
  })

  test('leaves alone what it did not create, however old, and refuses to remove it', async () => {
    const id = randomUUID()
    const foreign = ['photos', `${id}-copy`, `${id.toUpperCase()}.owner`, `x${id}.tmp`, '.owner', 'other.owner']
    const folders = ['photos', `${id}-copy`, `${randomUUID()}.owner`]
    const files = [...foreign.filter((name) => !folders.includes(name)), randomUUID(), 'notes.tmp']
    for (const name of folders) await mkdir(join(directory, name))
    for (const name of files) await writeFile(join(directory, name), '')
    const longAgo = new Date(Date.now() - 3_600_000)
    for (const name of [...folders, ...files]) await utimes(join(directory, name), longAgo, longAgo)
    const owned = await OwnedDirectory.claim(directory)

    expect(await owned.abandoned()).toEqual([])
    for (const name of [...foreign, '..', '', `../${id}`]) {
      await expect(owned.removeAbandoned(name)).rejects.toMatchObject({ code: 'invalid-argument' })
    }

    await owned.release()
    expect((await readdir(directory)).toSorted()).toEqual([...folders, ...files].toSorted())
  })

  test('removes what a claim left that was interrupted', async () => {
    const [begun, torn] = [randomUUID(), randomUUID()]
    await writeFile(join(directory, `${begun}.tmp`), '')
    await mkdir(join(directory, torn))
    const longAgo = new Date(Date.now() - 3_600_000)
    for (const name of [`${begun}.tmp`, torn]) await utimes(join(directory, name), longAgo, longAgo)
    const owned = await OwnedDirectory.claim(directory)

    expect((await owned.abandoned()).toSorted()).toEqual([begun, torn].toSorted())
    for (const id of await owned.abandoned()) await owned.removeAbandoned(id)

    await owned.release()
    expect(await readdir(directory)).toEqual([])
  })

  test.each<[string, Partial<ProcessIdentity>, boolean]>([
    ['this process', {}, false],
    ['another process under a reused id', { startedAt: '1' }, true],
    ['a process before the machine was restarted', { boot: 'earlier' }, true],
    ['one that was written down before machines were', { boot: 'earlier', machine: undefined }, true],
    ['a process on another machine of the same name', { boot: 'other', machine: 'other' }, false],
    ['a process whose system does not tell', { boot: null, startedAt: null }, false],
    ['a process of which the start was not told', { startedAt: null }, false],
    ['a process in another container that shows signs of life', { namespace: 'pid:[1]', host: 'other' }, false],
  ])('takes %s for gone: %#', async (_, change, isGone) => {
    const owned = await OwnedDirectory.claim(directory)
    const identity: ProcessIdentity = { ...(await identifyThisProcess()), ...change }
    await writeFile(join(directory, 'other.owner'), JSON.stringify(identity))

    expect(await owned.isGone('other')).toBe(isGone)
    await owned.release()
  })

  test('takes one in another container for gone when it was silent for long', async () => {
    const owned = await OwnedDirectory.claim(directory)
    const identity = { ...(await identifyThisProcess()), namespace: 'pid:[1]' }
    await writeFile(join(directory, 'other.owner'), JSON.stringify(identity))
    const longAgo = new Date(Date.now() - 3_600_000)
    await utimes(join(directory, 'other.owner'), longAgo, longAgo)

    expect(await owned.isGone('other')).toBe(true)
    await owned.release()
  })

  test('does not fail over an owner file without content', async () => {
    const owned = await OwnedDirectory.claim(directory)
    await writeFile(join(directory, 'other.owner'), '')

    expect(await owned.isGone('other')).toBe(false)
    await owned.release()
  })
})

test.each([
  ['ENOSPC', 'no-space'],
  ['EDQUOT', 'no-space'],
  ['EACCES', 'permission-denied'],
  ['EMFILE', 'unavailable'],
  ['EIO', 'unknown'],
])('fileError tells %s as %s', (errno, code) => {
  expect(fileError(Object.assign(new Error('failed'), { code: errno }), 'write')).toMatchObject({ code })
})

describe('makeDirectories', () => {
  test('makes a folder and those above it, however many of them are there', async () => {
    const path = join(directory, 'a', 'b', 'c')

    await Promise.all([makeDirectories(path), makeDirectories(path)])
    await makeDirectories(path)

    expect(await readdir(join(directory, 'a', 'b'))).toEqual(['c'])
  })

  test('fails where a file is in the way', async () => {
    await writeFile(join(directory, 'file'), '')

    await expect(makeDirectories(join(directory, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(makeDirectories(join(directory, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  test.runIf(process.platform === 'linux')('fails where nothing can be made, and does not try for ever', async () => {
    await expect(makeDirectories('/proc/nope/below')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
