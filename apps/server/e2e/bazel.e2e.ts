import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeBazelWorkspace } from './support/bazel-workspace.ts'
import { snapshot, temporaryFolder } from './support/folders.ts'
import { isInstalled, run, runOk } from './support/run.ts'
import type { ServerProcess } from './support/server-process.ts'
import { startServerProcess } from './support/server-process.ts'

describe.runIf(isInstalled('bazel'))('Bazel', () => {
  const data = temporaryFolder('bazel-data')
  let server: ServerProcess

  beforeAll(async () => {
    server = await startServerProcess(data.path)
  })

  afterAll(async () => {
    await server.stop()
    data[Symbol.dispose]()
  })

  test.each([
    ['gRPC', (): string => `--remote_cache=grpc://${server.grpc}`],
    ['gRPC with an instance name', (): string => `--remote_cache=grpc://${server.grpc} --remote_instance_name=team/a`],
    ['HTTP', (): string => `--remote_cache=${server.http}`],
    ['HTTP with a prefix', (): string => `--remote_cache=${server.http}/some/prefix`],
  ])('a second build over %s comes from the cache alone, and is the same', async (name, flags) => {
    using folder = temporaryFolder('bazel')
    const overrides = writeBazelWorkspace(folder.path, `${name} ${process.pid}`.replaceAll(' ', '-'))
    const root = join(folder.path, 'root')
    const options = { cwd: join(folder.path, 'ws'), env: { HOME: folder.path } }
    const startup = [`--output_user_root=${root}`, '--nohome_rc']
    const build = [
      ...startup,
      'test',
      '//...',
      '--noshow_progress',
      '--nosandbox_debug',
      ...overrides,
      ...flags().split(' '),
    ]
    try {
      const cold = await runOk('bazel', build, options)
      const coldOutputs = outputs(options.cwd)
      await runOk('bazel', [...startup, 'clean', '--expunge'], options)

      const warm = await runOk('bazel', build, options)

      expect(processes(cold)).not.toContain('remote cache hit')
      expect(processes(warm)).toMatch(/1[0-9] remote cache hit/)
      expect(processes(warm)).not.toContain('sandbox')
      expect(warm).toMatch(/cc_test\s+\(cached\) PASSED/)
      expect(warm).toMatch(/sh_test\s+\(cached\) PASSED/)
      expect(warm).toContain(`said ${name.replaceAll(' ', '-')}`)
      expect(warm).toContain(`warned ${name.replaceAll(' ', '-')}`)
      expect(coldOutputs.length).toBeGreaterThan(12)
      expect(outputs(options.cwd)).toEqual(coldOutputs)
    } finally {
      await run('bazel', [...startup, 'shutdown'], options)
    }
  })

  test('over HTTP, a server that dies costs the cache, not the build', async () => {
    using folder = temporaryFolder('bazel')
    using ownData = temporaryFolder('bazel-data')
    const own = await startServerProcess(ownData.path)
    const overrides = writeBazelWorkspace(folder.path, `stopped-${process.pid}`)
    const options = { cwd: join(folder.path, 'ws'), env: { HOME: folder.path } }
    const startup = [`--output_user_root=${join(folder.path, 'root')}`, '--nohome_rc']
    const build = ['//:hello', '--nosandbox_debug', ...overrides, `--remote_cache=${own.http}`]
    try {
      await runOk('bazel', [...startup, 'build', ...build], options)
      await own.kill()

      const { code, output } = await run('bazel', [...startup, 'build', '//:noisy', ...build], options)

      expect([code, output]).toEqual([0, expect.stringContaining('Build completed successfully')])
    } finally {
      await run('bazel', [...startup, 'shutdown'], options)
    }
  })
})

/** The line that says where the results came from. */
function processes(output: string): string {
  return /INFO: \d+ processes: .*/.exec(output)?.[0] ?? ''
}

/** What the build made, without the files that say when and where. */
function outputs(workspace: string): string[] {
  const bin = realpathSync(join(workspace, 'bazel-bin'))
  return snapshot(bin, (path) => !/runfiles|_objs|\.params$|_virtual_includes/.test(path)).map((line) =>
    line.replaceAll(realpathSync(join(workspace, '..')), ''),
  )
}
