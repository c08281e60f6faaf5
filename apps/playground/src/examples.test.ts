import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const examples = join(import.meta.dirname, '..', 'examples')

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caskade-examples-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

const outputs: Readonly<Record<string, readonly string[]>> = {
  'first-blob.ts': [
    'stored 853ff93762a06ddbf722c4ebe9ddd66d8f63ddaea97f521c3ecc20da7c976020/13',
    'whole: hello, world',
    'from byte 7 on: world',
    'of two blobs, 1 is missing',
  ],
  'cached-upload.ts': [
    'received 10485760 bytes, spooled to a file',
    'in memory: true, in SQLite: true',
    'read back the same content: true',
  ],
  'deferred-writes.ts': [
    'acknowledged; 1 write waits',
    'read meanwhile: written while the fallback was away',
    'the fallback has it: false',
    'the fallback has it: true; 0 writes wait',
    'it took more than one attempt: true',
  ],
}

test('every example is run by a test', () => {
  expect(readdirSync(examples).toSorted()).toEqual([...Object.keys(outputs), 'build-cache.ts'].toSorted())
})

test.each(Object.entries(outputs))('%s says what it says it does', (name, lines) => {
  expect(run(name, [])).toEqual({ status: 0, stderr: '', stdout: `${lines.join('\n')}\n` })
})

describe('build-cache.ts', () => {
  // Says what it does, and copies the input to the output in capital letters.
  const program = `
    const { readFileSync, writeFileSync } = require('node:fs')
    console.log('built')
    writeFileSync('out.txt', readFileSync('in.txt', 'utf8').toUpperCase(), { mode: 0o755 })
  `
  const build = ['--input', 'in.txt', '--output', 'out.txt', '--', process.execPath, '-e', program]

  test('runs a command once for the same input, and then restores what it made', () => {
    writeFileSync(join(folder, 'in.txt'), 'one')
    expect(run('build-cache.ts', build)).toEqual({ status: 0, stderr: '', stdout: 'built\n' })
    rmSync(join(folder, 'out.txt'))

    expect(run('build-cache.ts', build)).toEqual({ status: 0, stderr: '', stdout: 'restored out.txt\n' })

    expect(readFileSync(join(folder, 'out.txt'), 'utf8')).toBe('ONE')
    expect(statSync(join(folder, 'out.txt')).mode & 0o777).toBe(0o755)
    expect(readdirSync(folder).toSorted()).toEqual(['.build-cache', 'in.txt', 'out.txt'])
  })

  test('runs it again for another input, and remembers both', () => {
    const results = ['one', 'two', 'one', 'two'].map((text) => {
      writeFileSync(join(folder, 'in.txt'), text)
      return [run('build-cache.ts', build).stdout.trim(), readFileSync(join(folder, 'out.txt'), 'utf8')]
    })

    expect(results).toEqual([
      ['built', 'ONE'],
      ['built', 'TWO'],
      ['restored out.txt', 'ONE'],
      ['restored out.txt', 'TWO'],
    ])
  })

  test('without a command, says how it is used, and does nothing', () => {
    const stderr = expect.stringMatching(/^usage: build-cache\.ts .*\n$/)

    expect(run('build-cache.ts', [])).toEqual({ status: 2, stderr, stdout: '' })

    expect(readdirSync(folder)).toEqual([])
  })

  test('remembers nothing of a command that fails', () => {
    const failing = ['--', process.execPath, '-e', 'console.log("tried"); process.exit(7)']

    const results = [run('build-cache.ts', failing), run('build-cache.ts', failing)]

    expect(results).toEqual(Array.from({ length: 2 }, () => ({ status: 7, stderr: '', stdout: 'tried\n' })))
  })
})

function run(name: string, words: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const args = ['--conditions=@caskade/source', join(examples, name), ...words]
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env })
  return { status, stdout, stderr }
}
