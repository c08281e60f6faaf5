import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildBackend } from './backends/build-backend.ts'
import { formatAddress, isLoopback, parseListenAddress } from './config/listen-address.ts'
import { parseBytes, parseDuration } from './config/units.ts'
import { loadConfig, startServer } from './index.ts'
import { useConfigFolder } from './testing/config-file.fixture.ts'

const configFolder = useConfigFolder()
const { write } = configFolder

describe('units', () => {
  test.each([
    ['512MiB', 512 * 1024 ** 2],
    ['50 GB', 50e9],
    ['1.5KiB', 1536],
    ['10b', 10],
    ['2tib', 2 * 1024 ** 4],
  ])('%s is %i bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes))

  test.each(['', '12', 'MiB', '-1MiB', '1 parsec', '1e3KB', '0x10B'])('%j is no size', (text) => {
    expect(parseBytes(text)).toBeUndefined()
  })

  test.each([
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['10 ms', 10],
    ['30m', 1_800_000],
    ['2d', 172_800_000],
  ])('%s is %i milliseconds', (text, duration) => expect(parseDuration(text)).toBe(duration))

  test.each(['', '30', 's', '-1s', '1 year'])('%j is no duration', (text) => {
    expect(parseDuration(text)).toBeUndefined()
  })
})

describe('addresses', () => {
  test.each([
    ['127.0.0.1:8980', '127.0.0.1', 8980, true],
    ['0.0.0.0:0', '0.0.0.0', 0, false],
    ['[::1]:80', '::1', 80, true],
    ['localhost:1', 'localhost', 1, true],
    ['cache.example:65535', 'cache.example', 65_535, false],
  ])('%s is host %s and port %i', (text, host, port, loopback) => {
    expect(parseListenAddress(text, 'listen')).toEqual({ host, port })
    expect(isLoopback({ host, port })).toBe(loopback)
  })

  test.each(['', '8980', ':8980', 'host', 'host:', 'host:65536', '::1:80', 'a b:1', 'host:-1'])(
    '%j is none',
    (text) => {
      expect(() => parseListenAddress(text, 'listen')).toThrow(/listen: .* is not host:port/)
    },
  )

  test('an address for everybody is shown as one that this machine can use', () => {
    expect(formatAddress({ address: '::', family: 'IPv6', port: 1 })).toBe('127.0.0.1:1')
    expect(formatAddress({ address: '::1', family: 'IPv6', port: 1 })).toBe('[::1]:1')
  })
})

describe('loadConfig', () => {
  test('reads options with units, and knows the folder of the file', async () => {
    const path = write(`
      listen: 127.0.0.1:0
      maxBlobBytes: 2GiB
      drainMs: 5s
      backend:
        type: memory
        maxBytes: 10MiB
    `)

    const { config, baseDirectory } = await loadConfig(path)

    expect(baseDirectory).toBe(configFolder.path)
    expect(config).toEqual({
      listen: '127.0.0.1:0',
      maxBlobBytes: 2 * 1024 ** 3,
      drainMs: 5000,
      backend: { type: 'memory', maxBytes: '10MiB' },
    })
  })

  test('an empty file is the default configuration', async () => {
    expect((await loadConfig(write('# nothing\n'))).config).toEqual({})
  })

  test.each([
    ['listn: x', /listn: unknown option; did you mean listen\?/],
    ['purple: x', /purple: unknown option; known are: listen, httpListen/],
    ['maxBlobBytes: lots', /maxBlobBytes: "lots" is not a size; write it like 512MiB/],
    ['maxBlobBytes: -5', /maxBlobBytes: must be at least 1B$/],
    ['maxBlobBytes: 0', /maxBlobBytes: must be at least 1B$/],
    ['maxBlobBytes: 1.5', /maxBlobBytes: must be integer/],
    ['maxBatchBytes: 0B', /maxBatchBytes: must be at least 1B$/],
    ['maxSpoolBytes: 0', /maxSpoolBytes: must be at least 1B$/],
    ['maxConnections: 0', /maxConnections: must be at least 1$/],
    ['drainMs: 30d', /drainMs: must be at most 24.85d$/],
    ['digestFunctions: []', /digestFunctions: must NOT have fewer than 1 items/],
    ['drainMs: 5 years', /drainMs: "5 years" is not a duration/],
    ['listen: 8980', /listen: "8980" is not host:port; did you mean "127.0.0.1:8980"\?$/],
    ['httpListen: :80', /httpListen: ":80" is not host:port; did you mean "127.0.0.1:80"\?$/],
    ['maxBatchBytes: 100MiB', /maxBatchBytes: must be at most 6MiB$/],
    ['digestFunctions: sha1', /digestFunctions: must be array; did you mean \[sha1\]\?$/],
    ['digestFunctions: [md5]', /digestFunctions\.0: must be equal to one of the allowed values: \["sha256"/],
    ['backend: memory', /backend: must be object; did you mean { type: memory }\?$/],
    ['- a list', /the file must hold options/],
    ['a: [1', /caskade\.yaml:\n {2}.* at line 1, column 6$/],
    ['listen: a\nlisten: b', /unique/i],
    ['__proto__: 1', /__proto__: unknown option/],
  ])('%j is refused with a clear message', async (text, message) => {
    const path = write(text)

    const loading = loadConfig(path)

    await expect(loading).rejects.toThrow(message)
    await expect(loading).rejects.toThrow(path)
  })

  test('tells every problem at once', async () => {
    await expect(loadConfig(write('a: 1\nb: 2\ndrainMs: x'))).rejects.toMatchObject({ problems: { length: 3 } })
  })

  test('a file that is not there is named', async () => {
    await expect(loadConfig(join(configFolder.path, 'no.yaml'))).rejects.toThrow(/no\.yaml:\s+cannot read it: ENOENT/)
  })
})

describe('buildBackend', () => {
  const cached = { cache: { type: 'memory' }, fallback: { type: 'memory' } }
  const memories = { east: { type: 'memory' }, west: { type: 'memory' } }

  test('makes a tree of backends', async () => {
    const { storage } = await buildBackend(
      {
        type: 'with-cache',
        cache: { type: 'memory', maxBytes: '1MiB' },
        fallback: { type: '@caskade/sqlite', path: 'store', maxBytes: '1GiB' },
        maxStaleMs: '10s',
      },
      { baseDirectory: configFolder.path },
    )

    await storage.start()
    await storage.stop()

    expect(storage.constructor.name).toBe('WithCacheStorage')
  })

  test('makes backends of named children, weighted, and of sizes', async () => {
    const { storage, actionCache } = await buildBackend(
      {
        type: 'sharded',
        shards: {
          east: {
            type: 'size-partitioned',
            small: { type: 'memory' },
            large: { type: 'memory' },
            maxSmallBytes: '4KiB',
          },
          west: { type: 'memory', maxBytes: '1MiB' },
        },
        weights: { east: 2.5, west: 0 },
        previousWeights: { west: 1 },
      },
      { baseDirectory: configFolder.path },
    )

    await storage.start()
    await storage.stop()

    expect([storage.constructor.name, actionCache.constructor.name]).toEqual(['ShardedStorage', 'ShardedActionCache'])
  })

  test.each([
    [{ type: 'sqlit', path: 'x' }, /backend\.type: package @caskade\/sqlit is not installed.*did you mean sqlite\?/],
    [{ type: 'tape' }, /@caskade\/tape is not installed; install it with: npm install @caskade\/tape/],
    [{ type: '../evil' }, /"\.\.\/evil" is not the name of a backend or a package/],
    [{ type: 'node:fs' }, /is not the name/],
    [{ path: 'x' }, /backend\.type: it is missing/],
    [{ type: 'sqlite' }, /backend\.path: it is missing/],
    [{ type: 'memory', maxByte: 1 }, /backend\.maxByte: unknown option; did you mean maxBytes\?/],
    [{ type: 'memory', maxBytes: 'x' }, /backend\.maxBytes: "x" is not a size/],
    [{ type: 'with-cache', cache: { type: 'memory' } }, /backend\.fallback: it is missing/],
    [{ type: 'with-cache', ...cached, cacheTimeoutMs: '30d' }, /backend\.cacheTimeoutMs: must be at most 24.85d/],
    [{ type: 'with-cache', ...cached, cacheTimeoutMs: 0 }, /backend\.cacheTimeoutMs: must be at least 1ms/],
    [{ type: 'with-cache', ...cached, leaseMs: '100d' }, /backend\.leaseMs: must be at most 99.42d/],
    [
      { type: 'with-cache', cache: { type: 'memory' }, fallback: { type: 'memory', maxBytes: true } },
      /backend\.fallback\.maxBytes: must be number/,
    ],
    [
      { type: 'with-cache', cache: { type: 'memory' }, fallback: { type: 'memory' }, deferFallbackWrites: true },
      /deferFallbackWrites needs journalDirectory/,
    ],
    [{ type: 'shraded' }, /package @caskade\/shraded is not installed.*did you mean sharded\?/],
    [{ type: 'sharded' }, /backend\.shards: it is missing/],
    [{ type: 'sharded', shards: [{ type: 'memory' }] }, /backend\.shards: must be object/],
    [{ type: 'sharded', shards: {} }, /backend: Sharded: needs at least one shard/],
    [{ type: 'sharded', shards: { 'rack/1.~a': 'memory' } }, /backend\.shards\.rack\/1\.~a: must be object/],
    [{ type: 'sharded', shards: { east: { maxBytes: 1 } } }, /backend\.shards\.east\.type: it is missing/],
    [
      { type: 'sharded', shards: { west: { type: 'memory' }, east: { type: 'memory', maxBytes: 'x' } } },
      /backend\.shards\.east\.maxBytes: "x" is not a size/,
    ],
    [{ type: 'sharded', shards: memories, weights: { east: 'x' } }, /backend\.weights\.east: must be number/],
    [
      { type: 'sharded', shards: memories, previousWeights: { east: -1 } },
      /backend\.previousWeights\.east: must be at least 0/,
    ],
    [{ type: 'sharded', shards: memories, weights: [1, 2] }, /backend\.weights: must be object/],
    [{ type: 'sharded', shards: memories, weights: { est: 1 } }, /backend: Sharded: weights names "est".*east, west/],
    [
      {
        type: 'with-cache',
        cache: { type: 'memory' },
        fallback: { type: 'sharded', shards: { a: { type: 'sqlite' } } },
      },
      /backend\.fallback\.shards\.a\.path: it is missing/,
    ],
    [{ type: 'size-partitioned', small: { type: 'memory' } }, /backend\.large: it is missing/],
    [
      { type: 'size-partitioned', small: { type: 'memory' }, large: { type: 'memory' }, maxSmallBytes: 'some' },
      /backend\.maxSmallBytes: "some" is not a size/,
    ],
    [{ type: 'yaml' }, /package @caskade\/yaml is not installed/],
  ])('%j is refused with a clear message', async (config, message) => {
    await expect(buildBackend(config as { type: string }, { baseDirectory: configFolder.path })).rejects.toThrow(
      message,
    )
  })

  test('finds a provider that is installed beside the configuration', async () => {
    installPackage(
      'my-backend',
      `export const provider = {
      type: 'mine', schema: { type: 'object', properties: { name: { type: 'string', description: 'x' } } },
      create: (options, context) => ({ options, baseDirectory: context.baseDirectory }) }`,
    )

    const made = await buildBackend({ type: '@me/my-backend', name: 'x' }, { baseDirectory: configFolder.path })

    expect(made).toEqual({ options: { name: 'x' }, baseDirectory: configFolder.path })
  })

  test('tells a package that is no provider from one that cannot be loaded', async () => {
    installPackage('other', 'export const nothing = 1')
    installPackage('broken', "import 'a-dependency-that-is-missing'")

    await expect(buildBackend({ type: '@me/other' }, { baseDirectory: configFolder.path })).rejects.toThrow(
      /@me\/other does not export a provider/,
    )
    await expect(buildBackend({ type: '@me/broken' }, { baseDirectory: configFolder.path })).rejects.toThrow(
      /cannot be loaded:.*a-dependency-that-is-missing/,
    )
  })
})

describe('startServer', () => {
  test('leaves nothing running when an address is taken', async () => {
    const first = await startServer({ listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: configFolder.path })
    const { port } = first.httpAddress
    const config = { listen: '127.0.0.1:0', httpListen: `127.0.0.1:${port}`, data: configFolder.path }

    await expect(startServer(config)).rejects.toMatchObject({ code: 'EADDRINUSE' })

    await first.stop()
    const again = await startServer(config)
    await again.stop()
    await again.stop()
  })
})

function installPackage(name: string, code: string): void {
  const folder = join(configFolder.path, 'node_modules', '@me', name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ name: `@me/${name}`, type: 'module', exports: './index.js' }),
  )
  writeFileSync(join(folder, 'index.js'), code)
}
