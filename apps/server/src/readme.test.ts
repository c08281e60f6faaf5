import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { buildBackend } from './backends/build-backend.ts'
import { loadConfig } from './config/load-config.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from './config/server-config.ts'
import { setupTools } from './setup/setup-tools.ts'
import type { ServerStatus } from './statistics/server-status.ts'
import { NOTHING_DONE } from './statistics/process-report.ts'
import { serverStatus } from './statistics/server-status.ts'
import { rateOf } from './statistics/statistics.ts'

const repository = join(import.meta.dirname, '..', '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'caskade-readme-'))
// In this package, so that a snippet finds every package that it imports, this one included.
const snippets = join(import.meta.dirname, '..', '.readme-snippets')
mkdirSync(snippets, { recursive: true })

afterAll(() => {
  rmSync(folder, { recursive: true })
  rmSync(snippets, { recursive: true })
})

const packages = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(repository, group)).map((name) => join(group, name, 'README.md')),
)

describe('apps/server/README.md', () => {
  const text = readFileSync(join(repository, 'apps', 'server', 'README.md'), 'utf8')
  const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, yaml]) => yaml ?? '')

  test('has a configuration', () => expect(blocks.length).toBeGreaterThan(0))

  test.each(blocks)('configuration %# is accepted, with all of its backends', async (yaml) => {
    const path = join(folder, 'caskade.yaml')
    writeFileSync(path, yaml)

    const { config, baseDirectory } = await loadConfig(path)

    expect(config.backend).toBeDefined()
    if (config.backend !== undefined) await buildBackend(config.backend, { baseDirectory })
  })
})

describe.each(setupTools)('apps/server/docs, $title', ({ name, plan }) => {
  const page = readFileSync(join(repository, 'apps', 'server', 'docs', `${name}.md`), 'utf8')

  test.each(['settings.gradle', 'settings.gradle.kts'])(
    'has the lines that `caskade setup` has, with %s',
    (present) => {
      const has = (path: string): boolean => path === present
      const grpc = DEFAULT_LISTEN
      const http = `http://${DEFAULT_HTTP_LISTEN}`
      const {
        edits,
        environment = {},
        instead = {},
      } = plan({ grpc, http, instanceName: '', has, userConfigPath: () => '' })

      const lines = edits.flatMap((edit) => edit.lines.split('\n')).map((line) => line.trim())
      const values = Object.entries({ ...environment, ...instead }).map(([variable, value]) => `${variable}=${value}`)

      expect([...lines, ...values].filter((line) => !page.includes(line))).toEqual([])
    },
  )
})

test('apps/server/docs/README.md has a status in which the store is the sum of the tools', () => {
  const text = readFileSync(join(repository, 'apps', 'server', 'docs', 'README.md'), 'utf8')
  const [, json = ''] = /^```json\n(.*?)^```$/ms.exec(text) ?? []
  const { store, tools, ...rest } = JSON.parse(json) as ServerStatus

  for (const kind of ['offered', 'deduplicated', 'sent'] as const) {
    const sums = Object.values(tools).reduce(
      ({ count, bytes }, tool) => ({ count: count + tool[kind].count, bytes: bytes + tool[kind].bytes }),
      { count: 0, bytes: 0 },
    )
    expect(store[kind]).toEqual(sums)
  }
  expect(store.dedupRate).toBe(rateOf(store.deduplicated.bytes, store.offered.bytes))
  for (const { hits, misses, hitRate } of Object.values(tools)) expect(hitRate).toBe(rateOf(hits, hits + misses))
  const {
    store: _,
    tools: __,
    ...real
  } = serverStatus({ ...NOTHING_DONE, workers: { running: 1, replaced: 0 } }, new Date())
  expect(Object.keys(rest)).toEqual(Object.keys(real))
})

test('apps/server/docs lead nowhere that does not exist, and each page is in their list', () => {
  const docs = join(repository, 'apps', 'server', 'docs')
  const linked = readdirSync(docs).flatMap((name) => {
    const text = readFileSync(join(docs, name), 'utf8')
    return [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link ?? '')
  })

  expect(linked.filter((link) => !existsSync(join(docs, link)))).toEqual([])
  expect(readdirSync(docs).filter((name) => name !== 'README.md' && !linked.includes(name))).toEqual([])
})

describe.each(['README.md', ...packages])('%s', (readme) => {
  const text = readFileSync(join(repository, readme), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code ?? '')

  test('has a snippet', () => expect(blocks.length).toBeGreaterThan(0))

  test.each(blocks)('snippet %#, run by Node.js as it stands, succeeds', (code) => {
    const path = join(snippets, `${readme.replaceAll(/\W/g, '-')}-${blocks.indexOf(code)}.mjs`)
    writeFileSync(path, code)

    const args = ['--conditions=@caskade/source', path]
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env })

    expect([stderr, status]).toEqual(['', 0])
  })

  test('leads nowhere that does not exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link ?? '')
    const base = join(repository, readme, '..')

    expect(links.filter((link) => !existsSync(join(base, link)))).toEqual([])
  })
})
