import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from './support/folders.ts'
import type { ServerProcess } from './support/server-process.ts'
import { startServerProcess } from './support/server-process.ts'
import { assertOutcome } from './tools/assert-outcome.ts'
import { installedOf, tools } from './tools/index.ts'

// One server with one data folder, for every build tool there is; of two processes, either of which a tool may reach.
const folder = temporaryFolder('one-server')
const installed = installedOf(tools)
let server: ServerProcess

beforeAll(async () => {
  server = await startServerProcess(join(folder.path, 'data'), ['--workers', '2'])
})

afterAll(async () => {
  await server.stop()
  folder[Symbol.dispose]()
})

interface ToolReport {
  readonly hits: number
  readonly misses: number
}

interface Status {
  readonly store: { readonly dedupRate: number; readonly deduplicated: { readonly count: number } }
  readonly tools: Readonly<Record<string, ToolReport>>
}

async function status(): Promise<Status> {
  return (await (await fetch(`${server.http}/status`)).json()) as Status
}

describe.each(installed)('$name', (tool) => {
  test('builds it, and again from the cache alone, with the same outputs', async () => {
    const place = join(folder.path, tool.name.replaceAll(/\W+/g, '-'))
    const [project, own] = [join(place, 'project'), join(place, 'tools')]
    for (const path of [project, own]) mkdirSync(path, { recursive: true })
    await tool.install?.(own)
    const salt = `${tool.name} ${process.pid}`
    const built = await tool.create({ folder: project, server, salt }, own)

    const cold = await built.build()
    const coldOutputs = built.outputs()
    const between = await status()
    await built.wipe()
    expect(built.outputs()).toEqual([])
    const warm = await built.build()

    assertOutcome(cold, { code: 0, executed: tool.steps, remote: 0 })
    assertOutcome(warm, { code: 0, executed: 0, remote: tool.steps })
    expect(coldOutputs.length).toBeGreaterThan(0)
    expect(built.outputs()).toEqual(coldOutputs)
    const [before, after] = [between.tools[tool.statistics], (await status()).tools[tool.statistics]]
    expect(after?.hits ?? 0).toBeGreaterThanOrEqual((before?.hits ?? 0) + tool.steps)
    expect(after?.misses).toBe(before?.misses)
  })
})

test('all of them have been served by it, and what they have in common was stored once', async () => {
  const { store, tools: reports } = await status()

  process.stdout.write(`${JSON.stringify({ store, tools: reports })}\n`)
  const unserved = installed.filter(({ statistics }) => (reports[statistics]?.hits ?? 0) === 0)
  expect(unserved.map(({ name }) => name)).toEqual([])
  expect(store.deduplicated.count).toBeGreaterThan(0)
})
