import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFiles } from '@caskade/core/files'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FaultyFiles } from './faulty-files.ts'
import type { FileErrno, FileFault } from './file-fault.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-faulty-'))
  writeFileSync(join(directory, 'old'), 'old')
})

afterEach(() => rmSync(directory, { recursive: true }))

function faulty(...plan: FileFault[]): FaultyFiles {
  return new FaultyFiles(nodeFiles, plan)
}

/** Writes eight bytes to a new file; resolves to whether that went well. */
async function write(files: FaultyFiles, name: string): Promise<boolean> {
  const file = await files.open(join(directory, name), 'create')
  try {
    await file.write([Buffer.from('12345678')], 0)
    return true
  } catch {
    return false
  } finally {
    await file.close()
  }
}

describe('FaultyFiles', () => {
  test.each<FileErrno>(['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EMFILE', 'EIO'])(
    'fails with %s as Node.js would',
    async (errno) => {
      const files = faulty({ errno, operation: 'open' })

      await expect(files.open(join(directory, 'new'), 'create')).rejects.toMatchObject({
        code: errno,
        errno: expect.any(Number),
        syscall: 'open',
        path: join(directory, 'new'),
        message: expect.stringMatching(new RegExp(`^${errno}: \\w+`)),
      })

      expect(readdirSync(directory)).toEqual(['old'])
    },
  )

  test('fails the nth operation and no other', async () => {
    const files = faulty({ errno: 'EIO', operation: 'write', nth: 2 })

    expect([await write(files, 'a'), await write(files, 'b'), await write(files, 'c')]).toEqual([true, false, true])
    expect(files.failures).toBe(1)
  })

  test('fails operations on the paths that match, of a rename either', async () => {
    const files = faulty({ errno: 'EACCES', path: /new$/ })

    await expect(files.rename(join(directory, 'old'), join(directory, 'new'))).rejects.toMatchObject({ code: 'EACCES' })
    await files.rename(join(directory, 'old'), join(directory, 'other'))

    expect(readdirSync(directory)).toEqual(['other'])
  })

  test('fails while a switch is on', async () => {
    let isOn = true
    const files = faulty({ errno: 'EMFILE', isOn: () => isOn })

    await expect(files.readDirectory(directory)).rejects.toMatchObject({ code: 'EMFILE' })
    isOn = false

    expect(await files.readDirectory(directory)).toEqual(['old'])
  })

  test('tears a write: half of it is there, then the error', async () => {
    const files = faulty({ errno: 'ENOSPC', operation: 'write', effect: 'torn' })

    expect(await write(files, 'new')).toBe(false)

    expect(readFileSync(join(directory, 'new'), 'utf8')).toBe('1234')
  })

  test('lets an operation take effect and then fail', async () => {
    const files = faulty({ errno: 'EIO', effect: 'whole' })
    const [from, to] = [join(directory, 'old'), join(directory, 'new')]

    await expect(files.link(from, to)).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.unlink(from)).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.rename(to, from)).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.createDirectory(join(directory, 'a', 'b'))).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.open(join(directory, 'empty'), 'create')).rejects.toMatchObject({ code: 'EIO' })
    await expect(files.syncDirectory(directory)).rejects.toMatchObject({ code: 'EIO' })

    expect(readdirSync(directory).toSorted()).toEqual(['a', 'empty', 'old'])
    await expect(files.removeDirectory(join(directory, 'a'))).rejects.toMatchObject({ code: 'EIO' })
    expect(readdirSync(directory).toSorted()).toEqual(['empty', 'old'])
  })

  test('fails what is asked of an open file', async () => {
    let isOn = false
    const files = faulty({ errno: 'EIO', operation: ['read', 'sync', 'size'], isOn: () => isOn })
    const file = await files.open(join(directory, 'old'), 'update')
    isOn = true

    await expect(file.read(Buffer.alloc(1), 0)).rejects.toMatchObject({ code: 'EIO', syscall: 'read' })
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO', syscall: 'sync' })
    await expect(file.sizeBytes()).rejects.toMatchObject({ code: 'EIO', syscall: 'size' })
    isOn = false

    expect([await file.sizeBytes(), await file.read(Buffer.alloc(9), 0)]).toEqual([3, 3])
    await file.sync()
    await file.close()
  })
})
