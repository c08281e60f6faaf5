import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { setupTools } from './setup/setup-tools.ts'
import { useSetupProject } from './testing/setup-project.fixture.ts'

const project = useSetupProject()
const { read, report, run, write } = project

describe('without a tool', () => {
  test('what each tool has to be told that the project is built with is said, one after the other', () => {
    for (const path of ['turbo.json', 'MODULE.bazel', 'nx.json']) write(path, '{}')

    const said = run(undefined)

    expect(said.match(/^== .* ==$/gm)).toEqual(['== Bazel ==', '== Nx ==', '== Turborepo =='])
    for (const tool of ['bazel', 'nx', 'turborepo']) expect(said).toContain(run(tool))
    expect(read('turbo.json')).toBe('{}')
    expect(existsSync(join(project.path, '.env'))).toBe(false)
  })

  test('with --write it is written for each of them, and the files of the user are left alone', () => {
    for (const path of ['turbo.json', 'MODULE.bazel', 'nx.json']) write(path, '{}')

    const { output, problems } = report(undefined, { write: true, instanceName: 'ours' })

    expect(output).toMatch(/\.bazelrc: created[^]*\.env: created[^]*turbo\.json: changed/)
    expect(problems).toEqual([])
    expect(read('turbo.json')).toContain('http://127.0.0.1:8981/ours')
    expect(existsSync(join(project.path, 'user'))).toBe(false)
  })

  test('one whose files cannot be changed does not keep the others from having theirs', () => {
    write('turbo.json', '[]')
    write('pom.xml', '')
    write('.mvn/maven-build-cache-config.xml', '<cache/>')
    write('nx.json', '{}')

    const { output, problems } = report(undefined, { write: true })

    expect(output).toMatch(/^== Nx ==\n\n\.env: created\n/)
    expect(problems).toEqual([
      expect.stringMatching(/^setup maven: .*it is there already/),
      'setup turborepo: turbo.json: it holds no options',
    ])
    expect(existsSync(join(project.path, '.mvn', 'extensions.xml'))).toBe(false)
  })

  test('all tools are named where nothing tells, which fails if something was to be written', () => {
    for (const { name } of setupTools) expect(run(undefined)).toContain(`caskade setup ${name}`)
    expect(() => run(undefined, { write: true })).toThrow('Nothing here says which build tool is used')
  })

  test('those that are not served are told so', () => {
    write('nx.json', '{}')
    write('MODULE.bazel', '')

    const { output, problems } = report(undefined, { config: { frontends: { nx: { enabled: false } } } })

    expect(output).toMatch(/== Nx ==\n\nIt is not served: frontends\.nx\.enabled of the server is false\.\n/)
    expect(output).toContain('--remote_cache')
    expect(problems).toEqual([])
  })
})

describe('what the server does not serve is not set up', () => {
  test.each(setupTools.map(({ name, title, frontend }) => [name, title, frontend] as const))(
    '%s, switched off',
    (name, title, frontend) => {
      const config = { frontends: { [frontend]: { enabled: false } } }

      expect(() => run(name, { config, write: true })).toThrow(`${title} is not served: frontends.${frontend}.enabled`)
    },
  )

  test('another instance than the only one', () => {
    const config = { frontends: { turborepo: { instance: 'web' } } }

    expect(() => run('turborepo', { config, instanceName: 'other' })).toThrow(
      'Turborepo is not served to the instance other: frontends.turborepo.instance of the server is "web"',
    )
    expect(run('turborepo', { config, instanceName: 'web' })).toContain('http://127.0.0.1:8981/web"')
    expect(run('nx', { config, instanceName: 'other' })).toContain('/other')
  })

  test('but the only one is named without being asked for', () => {
    const config = { frontends: { reapi: { instance: 'main' }, gradle: { instance: 'jvm' } } }

    expect(run('bazel', { config })).toContain('--remote_instance_name=main')
    expect(run('moon', { config })).toContain("instanceName: 'main'")
    expect(run('gradle', { config })).toContain('http://127.0.0.1:8981/jvm/gradle/')
  })
})

describe.each(['ccache', 'sccache'])('%s', (tool) => {
  test('needs the file or the environment, not both', () => {
    expect(run(tool)).toMatch(/\nOr, for one project alone, not the file but in the environment:\n\n {2}export /)
    expect(run(tool, { write: true })).not.toContain('export ')
  })
})
