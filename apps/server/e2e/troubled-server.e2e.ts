import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { writeFailingBackend } from './support/failing-backend.ts'
import { temporaryFolder } from './support/folders.ts'
import { duringPause, wantPause } from './support/pause.ts'
import type { ServerProcess } from './support/server-process.ts'
import { startServerProcess } from './support/server-process.ts'
import { assertOutcome } from './tools/assert-outcome.ts'
import { installedOf, troubledTools } from './tools/index.ts'
import type { Tool, ToolProject } from './tools/tool.ts'

const folder = temporaryFolder('troubled')
const installed = installedOf(troubledTools)

afterAll(() => folder[Symbol.dispose]())

describe.each(installed)('$name', (tool) => {
  test('finishes its build when the server dies in the middle of it, as far as it is up to the server', async () => {
    const place = placeOf(tool, 'dying')
    await using server = await startServerProcess(join(place, 'data'))
    const project = await createProject(tool, place, server)
    wantPause(join(place, 'project'))

    const [{ code, output }] = await Promise.all([
      project.build(),
      duringPause(join(place, 'project'), () => server.kill()),
    ])

    expect({ succeeded: code === 0, output }).toMatchObject({ succeeded: tool.survivesAbsence })
  })

  test('builds although the store of the server fails, and uses it again once it works', async () => {
    const place = placeOf(tool, 'failing')
    const backend = writeFailingBackend(join(place, 'config'))
    await using server = await startServerProcess(join(place, 'data'), backend.args)
    const project = await createProject(tool, place, server)

    backend.setFailing(true)
    const troubled = await project.build()
    backend.setFailing(false)
    await project.wipe()
    const cold = await project.build()
    await project.wipe()
    const warm = await project.build()

    assertOutcome(troubled, { code: 0, executed: tool.steps, remote: 0 })
    assertOutcome(cold, { code: 0, executed: tool.steps, remote: 0 })
    assertOutcome(warm, { code: 0, executed: 0, remote: tool.steps })
  })
})

function placeOf(tool: Tool, what: string): string {
  return join(folder.path, `${tool.name.replaceAll(/\W+/g, '-')}-${what}`)
}

async function createProject(tool: Tool, place: string, server: ServerProcess): Promise<ToolProject> {
  const [project, tools] = [join(place, 'project'), join(place, 'tools')]
  for (const path of [project, tools]) mkdirSync(path, { recursive: true })
  await tool.install?.(tools)
  return tool.create({ folder: project, server, salt: `${place} ${process.pid}` }, tools)
}
