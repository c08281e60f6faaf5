import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServerStatus } from './statistics/server-status.ts'

const cli = fileURLToPath(new URL('cli.ts', import.meta.url))
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-cli-'))
})

afterEach(() => {
  rmSync(directory, { recursive: true })
})

function caskade(...args: string[]): ChildProcess {
  const env = { ...process.env, XDG_CACHE_HOME: join(directory, 'cache') }
  return spawn(process.execPath, ['--conditions=@caskade/source', cli, ...args], {
    cwd: directory,
    env,
    // A group of its own, as in a terminal.
    detached: true,
  })
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

/** Waits until the server says that it is ready; resolves to what it said. */
async function ready(child: ChildProcess): Promise<string> {
  let said = ''
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    if (said.includes('Stop it with Ctrl-C.')) return said
  }
  throw new Error(`the server ended: ${said}`)
}

const anyPort = ['--listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0']

describe('caskade', () => {
  test('prints its version and its usage', async () => {
    for (const flag of ['--version', '-v']) {
      expect(await outcome(caskade(flag))).toEqual({
        code: 0,
        stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
        stderr: '',
      })
    }
    expect(await outcome(caskade('--help'))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('--http-listen'),
    })
  })

  test('what is wrong with a command line is told in two lines', async () => {
    expect(await outcome(caskade('serve', '--prot', '1'))).toEqual({
      code: 2,
      stdout: '',
      stderr: 'caskade: there is no option --prot\ncaskade --help says what there is.\n',
    })
  })

  test.each([
    [['--config', 'none.yaml'], /none\.yaml:\s+cannot read it: ENOENT/],
    [['--config', 'bad.yaml'], /bad\.yaml:\s+listn: unknown option; did you mean listen\?/],
    [['--listen', '8980'], /listen: "8980" is not host:port/],
    [['--workers', 'all'], /--workers: "all" is not a whole number from 1 to 256, or auto/],
  ])('serve %j ends with a message and no stack', async (args, message) => {
    writeFileSync(join(directory, 'bad.yaml'), 'listn: x')

    const { code, stderr } = await outcome(caskade('serve', ...args))

    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('    at ')
  })

  test('serve says what it serves, where the data is and what to paste; SIGTERM stops it', async () => {
    const child = caskade('serve', ...anyPort)
    const said = await ready(child)
    const [, http] = /HTTP\s+(http:\/\/[\d.:]+)/.exec(said) ?? []

    expect((await fetch(`${http}/healthz`)).status).toBe(200)
    expect(said).toMatch(/build --remote_cache=grpc:\/\/127\.0\.0\.1:\d+/)
    expect(said).toContain(join(directory, 'cache', 'caskade'))
    child.kill('SIGTERM')

    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('serve as several processes is stopped by the signal of a terminal, which all of them get', async () => {
    const child = caskade('serve', ...anyPort, '--workers', '2')
    const said = await ready(child)
    const [, http] = /HTTP\s+(http:\/\/[\d.:]+)/.exec(said) ?? []
    const { workers } = (await (await fetch(`${http}/status`)).json()) as ServerStatus

    expect(workers).toEqual({ running: 2, replaced: 0 })
    process.kill(-(child.pid ?? 0), 'SIGINT')
    expect(await once(child, 'exit')).toEqual([0, null])
    await expect(fetch(`${http}/status`)).rejects.toThrow('fetch failed')
  })

  test('flags win over the configuration file, whose paths are relative to it', async () => {
    writeFileSync(join(directory, 'caskade.yaml'), 'listen: 127.0.0.1:1\nhttpListen: 127.0.0.1:0\ndata: here')
    const child = caskade('serve', '--config', join(directory, 'caskade.yaml'), '--listen', '127.0.0.1:0')

    const said = await ready(child)
    child.kill('SIGINT')

    expect(said).toContain(join(directory, 'here'))
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})

describe('caskade setup', () => {
  test('says what the tools of a project have to be told, all or one of them', async () => {
    writeFileSync(join(directory, 'nx.json'), '{}')

    const said = expect.stringMatching(/== Nx ==[^]*NX_SELF_HOSTED_REMOTE_CACHE_SERVER=/)
    expect(await outcome(caskade('setup'))).toEqual({ code: 0, stdout: said, stderr: '' })
    expect(await outcome(caskade('setup', 'nx', '--http-listen', '127.0.0.1:5'))).toEqual({
      code: 0,
      stdout: expect.stringContaining('NX_SELF_HOSTED_REMOTE_CACHE_SERVER=http://127.0.0.1:5\n'),
      stderr: '',
    })
    expect(existsSync(join(directory, '.env'))).toBe(false)
  })

  test('writes it for the server of a configuration', async () => {
    writeFileSync(join(directory, 'caskade.yaml'), 'httpListen: 127.0.0.1:77\n')

    const result = await outcome(caskade('setup', 'nx', '--config', 'caskade.yaml', '--instance', 'ours', '--write'))

    expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('.env: created'), stderr: '' })
    expect(readFileSync(join(directory, '.env'), 'utf8')).toContain('=http://127.0.0.1:77/ours\n')
  })

  test('writes it into a project elsewhere, for a server whose backend is not installed', async () => {
    mkdirSync(join(directory, 'ours'))
    writeFileSync(join(directory, 'ours', 'nx.json'), '{}')
    writeFileSync(join(directory, 'ours', 'turbo.json'), '[]')
    writeFileSync(join(directory, 'caskade.yaml'), 'backend: { type: tape }\n')

    const result = await outcome(caskade('setup', '--write', '--project', 'ours', '--config', 'caskade.yaml'))

    expect(result).toEqual({
      code: 1,
      stdout: expect.stringContaining('.env: created'),
      stderr: 'caskade: setup turborepo: turbo.json: it holds no options\n',
    })
    expect(existsSync(join(directory, 'ours', '.env'))).toBe(true)
  })

  test.each<[string[], number, string]>([
    [['setup', 'bazle'], 1, 'did you mean bazel?'],
    [['setup', 'nx', '--project', 'nowhere'], 1, 'setup: there is no folder'],
    [['setup', '--write'], 1, 'Nothing here says which build tool is used'],
    [['setup', 'turborepo', '--write'], 1, 'turbo.json: it is not there'],
  ])('%j ends with %i', async (args, code, message) => {
    expect(await outcome(caskade(...args))).toEqual({ code, stdout: '', stderr: expect.stringContaining(message) })
  })
})
