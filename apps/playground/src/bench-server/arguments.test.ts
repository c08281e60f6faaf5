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

test.each([
  [['--only', 'nothing'], 'no operation is left'],
  [['--server', 'apache'], 'there is no apache'],
  [['--seed', 'x'], '--seed: x is not a whole number'],
])('%s is refused', (words, message) => {
  expect(() => parseServerBenchArguments(words)).toThrow(message)
})
