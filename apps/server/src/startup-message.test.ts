import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { FrontendConfigs } from './config/server-config.ts'
import { startupMessage } from './startup-message.ts'

const ipv4 = { address: '127.0.0.1', family: 'IPv4' }
const server = {
  grpcAddress: { ...ipv4, port: 8980 },
  httpAddress: { ...ipv4, port: 8981 },
  dataDirectory: '/data',
}

function messageFor(frontends: FrontendConfigs = {}): string {
  return startupMessage(server, { config: { frontends }, command: 'caskade' })
}

test('lines for the environment work in a shell as they are: what is started after them has the variables', () => {
  const lines = [...messageFor().matchAll(/in the environment: +(.*)$/gm)].map(([, line]) => line ?? '')

  const { stdout } = spawnSync('sh', { input: [...lines, 'env'].join('\n'), encoding: 'utf8' })

  for (const variable of [
    'TURBO_API=http://127.0.0.1:8981',
    'TURBO_TEAM=team',
    'TURBO_TOKEN=any',
    'NX_SELF_HOSTED_REMOTE_CACHE_SERVER=http://127.0.0.1:8981',
    'SCCACHE_WEBDAV_ENDPOINT=http://127.0.0.1:8981/webdav',
  ]) {
    expect(stdout.split('\n')).toContain(variable)
  }
})

describe('of what is not served', () => {
  test.each<[keyof FrontendConfigs, string[]]>([
    ['reapi', ['build --remote_cache', 'moon/workspace.yml', 'Remote Execution API']],
    ['ccache', ['ccache.conf', ' ccache, ']],
    ['webdav', ['sccache']],
    ['nx', ['NX_SELF_HOSTED', 'Nx']],
  ])('there is nothing to paste: %s', (name, absent) => {
    const message = messageFor({ [name]: { enabled: false } }).replace(/^This says.*$/m, '')

    for (const text of absent) {
      expect(messageFor()).toContain(text)
      expect(message).not.toContain(text)
    }
  })

  test('nothing is left but health and status', () => {
    const names = ['reapi', 'turborepo', 'nx', 'webdav', 'gradle', 'ccache', 'moon', 'bazel']
    const message = messageFor(Object.fromEntries(names.map((name) => [name, { enabled: false }])))

    expect(message).toMatch(/gRPC .* health alone\n.*HTTP .* health and status alone\n/)
  })
})

test('an instance that is served alone is named', () => {
  const message = messageFor({ reapi: { instance: 'main' }, turborepo: { instance: 'web' } })

  expect(message).toContain('build --remote_cache=grpc://127.0.0.1:8980 --remote_instance_name=main\n')
  expect(message).toContain("remote: { host: 'grpc://127.0.0.1:8980', cache: { instanceName: 'main' } }\n")
  expect(message).toContain('TURBO_API=http://127.0.0.1:8981/web ')
  expect(message).toContain('NX_SELF_HOSTED_REMOTE_CACHE_SERVER=http://127.0.0.1:8981\n')
})

test('a server that listens everywhere is named by an address to connect to', () => {
  const message = startupMessage(
    {
      ...server,
      grpcAddress: { address: '0.0.0.0', family: 'IPv4', port: 1 },
      httpAddress: { address: '::', family: 'IPv6', port: 2 },
    },
    { config: {}, command: 'caskade' },
  )

  expect(message).toContain('grpc://127.0.0.1:1 ')
  expect(message).toContain('http://127.0.0.1:2 ')
  expect(message).not.toMatch(/0\.0\.0\.0|::/)
})

test.each([
  ['with nothing said, nothing has to be said', 8981, undefined, 'caskade setup --project DIR\n'],
  ['elsewhere', 5, undefined, 'caskade setup --project DIR --listen 127.0.0.1:8980 --http-listen 127.0.0.1:5\n'],
  ['of a file', 8981, '/a b/x.yaml', 'caskade setup --project DIR --config "/a b/x.yaml"\n'],
])('setup is told of the server: %s', (_, port, path, command) => {
  const started = { ...server, httpAddress: { ...ipv4, port } }

  expect(startupMessage(started, { config: {}, path, command: 'caskade' })).toContain(`\n  ${command}`)
})
