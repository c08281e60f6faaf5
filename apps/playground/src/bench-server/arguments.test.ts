import { expect, test } from 'vitest'
import { parseServerBenchArguments } from './arguments.ts'
import { serverCases } from './cases.ts'

test('everything is measured unless it is said what', () => {
  expect(parseServerBenchArguments([]).cases).toEqual(serverCases)
})

test('operations are chosen by a part of their names, and by how many are in flight', () => {
  const { cases, kinds } = parseServerBenchArguments(['--only', 'Read of 64', '--in-flight', '1', '--server', 'nginx'])

  expect(cases.map(({ operation }) => operation)).toEqual([
    'ByteStream.Read of 64 KiB, identity',
    'ByteStream.Read of 64 MiB, identity',
    'ByteStream.Read of 64 KiB, zstd',
    'ByteStream.Read of 64 MiB, zstd',
  ])
  expect(kinds.map(({ name }) => name)).toEqual(['nginx'])
})

test('profiles are of our own servers, in the operations that have a target', () => {
  const { cases, kinds } = parseServerBenchArguments(['--profile'])

  expect(kinds.every(({ isOurs }) => isOurs)).toBe(true)
  expect(new Set(cases.map(({ operation }) => operation))).toContain('HTTP GET of 100 KiB')
  expect(cases.some(({ operation }) => operation.startsWith('HTTP PUT'))).toBe(false)
  expect(parseServerBenchArguments(['--profile', '--only', 'HTTP PUT of 1 KiB']).cases).toHaveLength(2)
})

test.each([
  [['--quick', '--write', '--seed', '2'], false],
  [['--only', 'Read'], true],
  [['--in-flight', '1'], true],
  [['--server', 'nginx'], true],
])('%j: whether it is narrowed is %s', (words, isNarrowed) => {
  expect(parseServerBenchArguments(words).isNarrowed).toBe(isNarrowed)
})

test.each([
  [['--profile', '--server', 'nginx'], 'of others no profile'],
  [['--only', 'nothing'], 'no operation is left'],
  [['--server', 'apache'], 'there is no apache'],
  [['--seed', 'x'], '--seed: x is not a whole number'],
])('%s is refused', (words, message) => {
  expect(() => parseServerBenchArguments(words)).toThrow(message)
})
