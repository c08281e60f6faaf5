import { chmodSync, existsSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { setupTools } from './setup/setup-tools.ts'
import { useSetupProject } from './testing/setup-project.fixture.ts'

const project = useSetupProject()
const { read, run, write } = project

const server = { listen: '[::1]:1980', httpListen: '0.0.0.0:1981' }

test.each<[string, string, string, string[]]>([
  [
    'bazel',
    '.bazelrc',
    'build --test_output=errors',
    ['build --remote_cache=grpc://[::1]:1980', 'build --remote_instance_name=team/a'],
  ],
  [
    'moon',
    '.moon/workspace.yml',
    "# of ours\nprojects: ['packages/*']\n",
    ['host: grpc://[::1]:1980', 'instanceName: team/a'],
  ],
  [
    'turborepo',
    'turbo.json',
    '{\n  // of ours\n  "tasks": {},\n}\n',
    ['"apiUrl": "http://127.0.0.1:1981/team/a"', '"teamSlug": "team"'],
  ],
  ['nx', '.env', 'OTHER=1\n', ['NX_SELF_HOSTED_REMOTE_CACHE_SERVER=http://127.0.0.1:1981/team/a']],
  [
    'gradle',
    'settings.gradle',
    "rootProject.name = 'ours'\n",
    ["url = 'http://127.0.0.1:1981/team/a/gradle/'", 'push = true'],
  ],
  [
    'gradle',
    'settings.gradle.kts',
    'rootProject.name = "ours"\n',
    ['url = uri("http://127.0.0.1:1981/team/a/gradle/")', 'isPush = true'],
  ],
  [
    'maven',
    '.mvn/extensions.xml',
    '<extensions>\n</extensions>\n',
    ['<artifactId>maven-build-cache-extension</artifactId>'],
  ],
  ['ccache', 'user/ccache.conf', 'max_size = 1G\n', ['remote_storage = http://127.0.0.1:1981/team/a/ccache']],
  ['sccache', 'user/sccache', '[other]\nx = 1\n', ['endpoint = "http://127.0.0.1:1981/team/a/webdav"']],
])('%s: what is in %s stays, and what is needed is added once, or replaced', (tool, path, before, lines) => {
  write(path, before)
  const options = { write: true, instanceName: 'team/a', config: server }

  const first = run(tool, options)
  const after = read(path)
  const second = run(tool, options)

  for (const line of lines) expect(after.split(line)).toHaveLength(2)
  for (const line of before.split('\n').filter((each) => /ours|OTHER|max_size|other|test_output|projects/.test(each))) {
    expect(after).toContain(line)
  }
  expect(first).toContain(`${path.startsWith('user') ? join(project.path, path) : path}: changed`)
  expect(second).toContain(`${path.startsWith('user') ? join(project.path, path) : path}: unchanged`)
  expect(read(path)).toBe(after)
})

test.each([
  ['bazel', '.bazelrc'],
  ['moon', '.moon/workspace.yml'],
  ['nx', '.env'],
  ['gradle', 'settings.gradle'],
  ['ccache', 'user/ccache.conf'],
  ['sccache', 'user/sccache'],
])('%s: another server takes the place of the first in %s', (tool, path) => {
  run(tool, { write: true, config: server })

  run(tool, { write: true, config: { listen: '127.0.0.1:7', httpListen: '127.0.0.1:8' } })

  expect(read(path)).toMatch(/127\.0\.0\.1:[78]/)
  expect(read(path)).not.toMatch(/:198[01]/)
})

test.each(setupTools.map(({ name }) => name))(
  '%s: without --write, nothing is written, and what to write is said',
  (name) => {
    write('turbo.json', '{}')

    const said = run(name)

    expect(said).toMatch(/127\.0\.0\.1:898[01]/)
    for (const path of ['.bazelrc', '.moon', '.env', 'settings.gradle', '.mvn', 'user']) {
      expect(existsSync(join(project.path, path))).toBe(false)
    }
    expect(read('turbo.json')).toBe('{}')
  },
)

describe('in a project of no configuration', () => {
  test.each([
    ['bazel', ['.bazelrc']],
    ['moon', ['.moon/workspace.yml']],
    ['nx', ['.env']],
    ['gradle', ['settings.gradle', 'gradle.properties']],
    ['maven', ['.mvn/extensions.xml', '.mvn/maven-build-cache-config.xml']],
    ['ccache', ['user/ccache.conf']],
    ['sccache', ['user/sccache']],
  ])('%s has its files made', (tool, paths) => {
    const said = run(tool, { write: true })

    for (const path of paths) expect(said).toContain(`${path}: created`)
    for (const path of paths) expect(read(path)).not.toBe('')
  })

  test('turbo.json is not made up', () => {
    expect(() => run('turborepo', { write: true })).toThrow('turbo.json: it is not there')
  })
})

describe('what cannot be changed without guessing', () => {
  test.each([
    ['moon', '.moon/workspace.yml', 'a: [', /workspace\.yml: /],
    ['moon', '.moon/workspace.yml', '- a list', /it holds no options/],
    ['turborepo', 'turbo.json', '{ "tasks": ', /turbo\.json: .* at character/],
    ['maven', '.mvn/maven-build-cache-config.xml', '<cache/>', /it is there already; write this/],
    ['maven', '.mvn/extensions.xml', '<nothing/>', /no end of <extensions>/],
  ])('%s: %s holding %j is left as it is', (tool, path, content, problem) => {
    write(path, content)

    expect(() => run(tool, { write: true })).toThrow(problem)

    expect(read(path)).toBe(content)
  })

  test('keeps the other files from being changed as well', () => {
    write('.mvn/maven-build-cache-config.xml', '<cache/>')

    expect(() => run('maven', { write: true })).toThrow('it is there already')

    expect(existsSync(join(project.path, '.mvn/extensions.xml'))).toBe(false)
  })
})

test('a file that is a link, or may only be read by its owner, stays that', () => {
  write('real', 'OTHER=1')
  chmodSync(join(project.path, 'real'), 0o600)
  symlinkSync('real', join(project.path, '.env'))

  run('nx', { write: true })

  expect(read('real')).toMatch(/^OTHER=1\n# >>> caskade\n/)
  expect(statSync(join(project.path, 'real')).mode & 0o777).toBe(0o600)
})

test('moon keeps its comments and the order of its options', () => {
  write(
    '.moon/workspace.yml',
    "# first\nprojects: ['a']\nremote:\n  # which one\n  host: 'grpc://old:1'\n  cache: { compression: zstd }\n",
  )

  run('moon', { write: true, instanceName: 'main' })

  const content = read('.moon/workspace.yml')
  expect(content).toMatch(/# first[^]*# which one/)
  expect(parse(content)).toEqual({
    projects: ['a'],
    remote: { host: 'grpc://127.0.0.1:8980', cache: { compression: 'zstd', instanceName: 'main' } },
  })
})

test('a team that turbo.json names already stays', () => {
  write('turbo.json', '{ "remoteCache": { "teamSlug": "ours", "signature": true } }')

  run('turborepo', { write: true })

  expect(JSON.parse(read('turbo.json'))).toEqual({
    remoteCache: { teamSlug: 'ours', signature: true, apiUrl: 'http://127.0.0.1:8981' },
  })
})

test('an unknown tool, and a name that is no instance, are errors that help', () => {
  expect(() => run('turborep')).toThrow('there is no tool turborep; did you mean turborepo?')
  expect(() => run('webpack')).toThrow(/there are bazel, ccache/)
  for (const instanceName of ['a b', '/a', 'a/', 'a?', 'a//b', '..', 'a/./b']) {
    expect(() => run('nx', { instanceName })).toThrow('cannot be an instance')
  }
  expect(() => run('nx', { config: { httpListen: '127.0.0.1:0' } })).toThrow('httpListen: port 0')
})
