import { expect, test } from 'vitest'
import { loadConfig } from './index.ts'
import { useConfigFolder } from './testing/config-file.fixture.ts'

const { write } = useConfigFolder()

test('frontends are options of their own', async () => {
  const path = write('frontends:\n  nx: { overwrite: true, instance: main }\n  reapi: { enabled: false }\n')

  expect((await loadConfig(path)).config).toEqual({
    frontends: { nx: { overwrite: true, instance: 'main' }, reapi: { enabled: false } },
  })
})

test.each([
  ['turborep: {}', 'frontends.turborep: unknown option; did you mean turborepo?'],
  ['nx: { overwrit: true }', 'frontends.nx.overwrit: unknown option; did you mean overwrite?'],
  ['nx: { overwrite: 1 }', 'frontends.nx.overwrite: must be boolean'],
  ['gradle: true', 'frontends.gradle: must be object; did you mean { enabled: true }?'],
  ['reapi: false', 'frontends.reapi: must be object; did you mean { enabled: false }?'],
  ["nx: { instance: 'a b' }", 'frontends.nx.instance: "a b" cannot be an instance; use names of letters'],
  ['reapi: { instance: a//b }', 'frontends.reapi.instance: "a//b" cannot be an instance'],
  ['bazel: { validatedInstances: main }', 'frontends.bazel.validatedInstances: must be array'],
])('%s is an error that says where', async (line, problem) => {
  await expect(loadConfig(write(`frontends: { ${line} }\n`))).rejects.toThrow(problem)
})

test.each(["''", 'main', 'team/a.b_c~d-e'])('%s can be an instance', async (instance) => {
  await expect(loadConfig(write(`frontends: { nx: { instance: ${instance} } }\n`))).resolves.toBeDefined()
})
