import { expect, test } from 'vitest'
import { formatBytes, formatDuration } from './config/units.ts'
import { loadConfig } from './index.ts'
import { useConfigFolder } from './testing/config-file.fixture.ts'

const { write } = useConfigFolder()

test.each([
  [
    'of the server and of its backend',
    'listn: x\nhttpListen: 80\nbackend: { type: sqlte }\n',
    [/^listn: .* listen\?$/, /^httpListen: "80" is not/, /^backend\.type: .* did you mean sqlite\?$/],
  ],
  [
    'of all children of a backend, and its own',
    'backend: { type: with-cache, leasMs: 1h, cache: { type: memory, maxByts: 1 }, fallback: { type: sqlite, leasMs: 1h } }\n',
    [
      /^backend\.leasMs: .* leaseMs\?$/,
      /^backend\.cache\.maxByts: .* maxBytes\?$/,
      /^backend\.fallback\.leasMs: .* leaseMs\?$/,
      /^backend\.fallback\.path: it is missing$/,
    ],
  ],
  [
    'of children that say no type',
    'backend: { type: with-cache, cache: { maxByts }, fallback: { leasMs } }\n',
    [/^backend\.cache\.type: it is missing/, /^backend\.fallback\.type: it is missing/],
  ],
  [
    'unknown options and missing ones',
    'backend: { type: sqlite, maxBytse: 5GB }\n',
    [/^backend\.maxBytse: .* maxBytes\?$/, /^backend\.path: it is missing$/],
  ],
  [
    'wrong sizes and wrong types',
    'maxBlobBytes: lots\nmaxConnections: many\n',
    [/^maxBlobBytes: "lots" is not a size/, /^maxConnections: must be integer$/],
  ],
])('the problems %s are told at once, with the file', async (_, text, problems) => {
  const path = write(text)

  const loading = loadConfig(path)

  await expect(loading).rejects.toMatchObject({ problems: problems.map((each) => expect.stringMatching(each)) })
  await expect(loading).rejects.toThrow(`${path}:\n`)
})

test.each([
  ['an option that is misspelt', 'backend: { type: sqlite, pth: store }\n', /^backend\.pth: .* path\?$/],
  ['an option that has a wrong value', 'backend: { type: sqlite, path: 1 }\n', /^backend\.path: must be string$/],
])('%s is not told to be missing as well', async (_, text, problem) => {
  await expect(loadConfig(write(text))).rejects.toMatchObject({ problems: [expect.stringMatching(problem)] })
})

test('what backends make of options that their schema accepts is told with the file', async () => {
  const path = write('backend: { type: sharded, shards: {} }\n')

  await expect(loadConfig(path)).rejects.toThrow(`${path}:\n  backend: Sharded: needs at least one shard`)
})

test('backends are left alone where they do not matter, and their packages may be missing', async () => {
  const path = write('httpListen: 127.0.0.1:1\nbackend: { type: tape }\n')

  expect((await loadConfig(path, { checksBackend: false })).config).toMatchObject({ httpListen: '127.0.0.1:1' })
})

test('what is wrong with YAML is told a line each, without an excerpt', async () => {
  const { problems } = (await loadConfig(write('listen: a\nlisten: b\nx: [1\n')).catch((error: unknown) => error)) as {
    problems: string[]
  }

  expect(problems).toHaveLength(2)
  for (const problem of problems) expect(problem).toMatch(/^.+ at line \d, column \d$/)
})

test.each([
  [6_291_456, '6MiB'],
  [1, '1B'],
  [0, '0'],
  [1_600_000, '1.52MiB'],
])('%i bytes are written as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

test.each([
  [1_800_000, '30m'],
  [2 ** 31 - 1, '24.85d'],
])('%i milliseconds are written as %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text))
