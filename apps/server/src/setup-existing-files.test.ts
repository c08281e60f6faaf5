import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { parse } from 'yaml'
import { useSetupProject } from './testing/setup-project.fixture.ts'

const project = useSetupProject()
const { read, run, write } = project

describe('text as it is written elsewhere', () => {
  test.each([
    ['bazel', '.bazelrc', '\u{feff}build --ours\r\n'],
    ['moon', '.moon/workspace.yml', "\u{feff}# ours\r\nprojects: ['a']\r\n"],
    ['turborepo', 'turbo.json', '\u{feff}{\r\n  "tasks": {}\r\n}\r\n'],
    ['ccache', 'user/ccache.conf', 'max_size = 1G\r\n'],
  ])('%s: the ends of lines of %s, and its mark, stay what they are', (tool, path, before) => {
    write(path, before)

    run(tool, { write: true })
    run(tool, { write: true, config: { listen: '127.0.0.1:7', httpListen: '127.0.0.1:8' } })

    expect(read(path).startsWith(before.slice(0, 5))).toBe(true)
    expect(read(path)).not.toMatch(/(?<!\r)\n/)
    expect(read(path)).not.toContain('898')
  })

  test('is not touched when it is in no known encoding', () => {
    const latin1 = Buffer.from('# caf\u{e9}\n', 'latin1')
    writeFileSync(join(project.path, 'gradle.properties'), latin1)

    expect(() => run('gradle', { write: true })).toThrow(
      expect.objectContaining({ name: 'SetupError', message: expect.stringMatching(/gradle.properties.*UTF-8/) }),
    )
    expect(readFileSync(join(project.path, 'gradle.properties'))).toEqual(latin1)
    expect(existsSync(join(project.path, 'settings.gradle'))).toBe(false)
  })
})

describe('the lines that are ours', () => {
  const OLD = '# >>> caskade\nbuild --remote_cache=grpc://old\n# <<< caskade'

  test.each([
    ['at the end of a file that does not end its last line', OLD],
    ['in between', `a\n${OLD}\nb\n`],
    ['with other ends of lines', `a\n${OLD.replaceAll('\n', '\r\n')}\r\n`],
    ['several times', `${OLD}\n${OLD}\nb\n${OLD}\n`],
  ])('are replaced: %s', (_, before) => {
    write('.bazelrc', before)

    run('bazel', { write: true })

    expect(read('.bazelrc').match(/caskade|grpc:\/\/.*/g)).toEqual(['caskade', 'grpc://127.0.0.1:8980', 'caskade'])
    expect(read('.bazelrc').replaceAll(/^# >>>[^]*# <<< caskade\n/gm, '')).toBe(
      before.replaceAll(/# >>>[^#]*# <<< caskade(\r?\n)?/g, ''),
    )
  })

  test.each(['# >>> caskade\nx\n', '# <<< caskade\n', `# >>> caskade\nx\n${OLD}`, `${OLD}\n# <<< caskade`])(
    'are left alone when one end of them is gone: %j',
    (before) => {
      write('.bazelrc', before)

      expect(() => run('bazel', { write: true })).toThrow(/\.bazelrc: .* without the other/)
      expect(read('.bazelrc')).toBe(before)
    },
  )

  test('are not those that look like them', () => {
    const before = '## >>> caskade\nx\n## <<< caskade\n # >>> caskade\n'
    write('.bazelrc', before)

    run('bazel', { write: true })

    expect(read('.bazelrc').startsWith(`${before}# >>> caskade\n`)).toBe(true)
  })
})

describe('what is there already and cannot be changed without guessing', () => {
  test.each([
    ['sccache', 'user/sccache', '[cache.webdav]\nendpoint = "x"\n', /user.sccache: it has \[cache\.webdav\] already/],
    ['moon', '.moon/workspace.yml', 'remote: x\n', /workspace\.yml: .*\nremote:\n {2}host: 'grpc:/],
    ['moon', '.moon/workspace.yml', 'a: &a {}\nremote: *a\n', /workspace\.yml: .*\nremote:/],
    ['moon', '.moon/workspace.yml', '- x\n', /workspace\.yml: it holds no options/],
    ['moon', '.moon/workspace.pkl', 'x', /workspace\.pkl: .*\nremote:/],
    ['turborepo', 'turbo.json', 'null', /turbo\.json: it holds no options/],
    ['turborepo', 'turbo.json', '[]', /turbo\.json: it holds no options/],
    ['turborepo', 'turbo.json', '{"remoteCache":[]}', /turbo\.json: remoteCache is not/],
    ['turborepo', 'turbo.json', '{"remoteCache":null}', /turbo\.json: remoteCache is not/],
  ])('%s: is told, and stays: %s with %j', (tool, path, before, message) => {
    write(path, before)

    expect(() => run(tool, { write: true, instanceName: 'team' })).toThrow(
      expect.objectContaining({ name: 'SetupError', message: expect.stringMatching(message) }),
    )
    expect(read(path)).toBe(before)
  })

  test('such as a folder, or a link to nothing', () => {
    mkdirSync(join(project.path, '.bazelrc'))
    expect(() => run('bazel', { write: true })).toThrow(/^\.bazelrc: EISDIR/)
    symlinkSync(join(project.path, 'nothing'), join(project.path, '.env'))
    expect(() => run('nx', { write: true })).toThrow('.env: it is a link to nothing')
  })
})

test.each([
  ['moon', '.moon/workspace.yml', 'remote:\n  api: http\n  host: http://old\n', { host: 'grpc://127.0.0.1:8980' }],
  ['moon', '.moon/workspace.yml', '%YAML 1.1\n---\nremote:\n', { host: 'grpc://127.0.0.1:8980' }],
  ['moon', '.moon/workspace.yml', 'remote: { cache: { compression: zstd } }\n', { cache: { compression: 'zstd' } }],
])('%s: %s with %j says what is needed, and no more that contradicts it', (tool, path, before, expected) => {
  write(path, before)

  run(tool, { write: true })

  const { remote } = parse(read(path)) as { remote: object }
  expect(remote).toEqual({ host: 'grpc://127.0.0.1:8980', ...expected })
})

test('turborepo: a remote cache that is switched off is switched on', () => {
  write('turbo.json', '{"remoteCache":{"enabled":false,"signature":true}}')

  run('turborepo', { write: true })

  const { remoteCache } = JSON.parse(read('turbo.json')) as { remoteCache: object }
  expect(remoteCache).toMatchObject({ enabled: true, signature: true, teamSlug: 'team' })
})

test('ccache: of several servers none is left', () => {
  write('user/ccache.conf', 'remote_storage = http://a\n# x\n  remote_storage=http://b\n')

  run('ccache', { write: true })

  expect(read('user/ccache.conf')).not.toMatch(/http:\/\/[ab]/)
})

test('maven: what is in a comment stays what it is', () => {
  write('.mvn/extensions.xml', '<extensions>\n<!-- </extensions> -->\n</extensions>\n')

  run('maven', { write: true })

  expect(read('.mvn/extensions.xml')).toMatch(/^<extensions>\n<!-- <\/extensions> -->\n {2}<extension>/)
})

test.runIf(process.platform === 'linux')(
  'a folder where nothing can be made is an error, and not tried for ever',
  () => {
    vi.stubEnv('CCACHE_CONFIGPATH', '/proc/nope/ccache.conf')

    expect(() => run('ccache', { write: true })).toThrow(
      expect.objectContaining({ name: 'SetupError', message: expect.stringContaining('ENOENT') }),
    )
  },
)
