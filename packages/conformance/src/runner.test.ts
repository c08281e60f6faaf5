import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { actionCacheCases, storageCases } from './index.ts'

test('the suite runs under node:test as well, case by case', () => {
  const fixture = fileURLToPath(new URL('node-test.fixture.ts', import.meta.url))
  const args = ['--conditions=@caskade/source', '--test', '--test-reporter=tap', fixture]

  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', env: withoutTestContext() })

  // All but the one about an empty blob that is always there.
  expect(stdout).toContain(`# pass ${storageCases.length - 1 + actionCacheCases.length}\n`)
  expect(stdout).toContain('# fail 0\n')
  expect(status).toBe(0)
})

/** The environment without what tells node:test that it runs inside another test run. */
function withoutTestContext(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return env
}
