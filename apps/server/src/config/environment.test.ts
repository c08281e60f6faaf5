import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ccacheConfigPath, commandName, defaultDataDirectory, sccacheConfigPath } from './environment.ts'

const names = ['CCACHE_CONFIGPATH', 'CCACHE_DIR', 'SCCACHE_CONF', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'LOCALAPPDATA']

let home: string

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'caskade-home-'))
  vi.stubEnv('HOME', home)
  vi.stubEnv('USERPROFILE', home)
  // Empty ones say as little as none.
  for (const name of names) vi.stubEnv(name, '')
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true })
})

test('nothing is kept beside whatever is at work when a variable is empty', () => {
  expect(homedir()).toBe(home)
  for (const path of [defaultDataDirectory(), ccacheConfigPath(), sccacheConfigPath()]) {
    expect(path.startsWith(home)).toBe(true)
  }
})

test('variables name other places', () => {
  for (const name of names) vi.stubEnv(name, `/${name}`)

  expect([ccacheConfigPath(), sccacheConfigPath()]).toEqual(['/CCACHE_CONFIGPATH', '/SCCACHE_CONF'])
  vi.stubEnv('CCACHE_CONFIGPATH', '')
  expect(ccacheConfigPath()).toBe(join('/CCACHE_DIR', 'ccache.conf'))
})

test('ccache keeps to the folder that it had in earlier versions, where that is there', () => {
  mkdirSync(join(home, '.ccache'))

  expect(ccacheConfigPath()).toBe(join(home, '.ccache', 'ccache.conf'))
})

test.each([
  ['caskade-monorepo', 'run-script', 'npx --yes pnpm@12 caskade'],
  ['ours', 'exec', 'npx caskade'],
  ['ours', 'run-script', 'caskade'],
  ['', '', 'caskade'],
])('in a script of %j, with npm doing %j, it is called %s', (packageName, npmCommand, expected) => {
  vi.stubEnv('npm_package_name', packageName)
  vi.stubEnv('npm_command', npmCommand)

  expect(commandName()).toBe(expected)
})
