import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { snapshot, temporaryFolder, writeFiles } from './support/folders.ts'
import { runOk } from './support/run.ts'
import type { ServerProcess } from './support/server-process.ts'
import { startServerProcess } from './support/server-process.ts'

const MOON_VERSION = '2.5.5'

describe('moon', () => {
  const folder = temporaryFolder('moon')
  const tools = join(folder.path, 'tools')
  let server: ServerProcess

  beforeAll(async () => {
    server = await startServerProcess(join(folder.path, 'data'))
    writeFiles(folder.path, { 'tools/package.json': '{ "private": true }' })
    await runOk('npm', ['install', `@moonrepo/cli@${MOON_VERSION}`], { cwd: tools })
  })

  afterAll(async () => {
    await server.stop()
    folder[Symbol.dispose]()
  })

  test.each([
    ['plain', 'none'],
    ['zstd', 'zstd'],
  ])('a second run over gRPC, %s, comes from the cache alone, and is the same', async (name, compression) => {
    const workspace = join(folder.path, name)
    await writeWorkspace(workspace, { host: `grpc://${server.grpc}`, compression, salt: `${name} ${process.pid}` })
    const moon = join(tools, 'node_modules', '.bin', 'moon')
    const options = { cwd: workspace, env: { HOME: join(folder.path, 'home'), MOON_TOOLCHAIN_FORCE_GLOBALS: 'true' } }

    const cold = await runOk(moon, ['run', 'app:build'], options)
    const coldOutputs = outputs(workspace)
    for (const path of ['.moon/cache', 'packages/lib/dist', 'packages/app/dist']) {
      rmSync(join(workspace, path), { recursive: true })
    }
    const warm = await runOk(moon, ['run', 'app:build'], options)

    expect(cold).not.toContain('cached')
    expect(warm.match(/cached from remote/g)).toHaveLength(2)
    expect(warm).toContain('Tasks: 2 completed (2 cached)')
    expect(coldOutputs).toHaveLength(6)
    expect(outputs(workspace)).toEqual(coldOutputs)
  })
})

async function writeWorkspace(
  path: string,
  { host, compression, salt }: { host: string; compression: string; salt: string },
): Promise<void> {
  const tasks = (more: string): string => `${more}
tasks:
  build:
    command: 'sh build.sh'
    inputs: ['src/**/*', 'build.sh']
    outputs: ['dist']
    ${more === '' ? '' : "deps: ['^:build']"}
`
  writeFiles(path, {
    '.gitignore': 'dist\n.moon/cache\n',
    '.moon/workspace.yml': `
projects: ['packages/*']
vcs: { client: git, defaultBranch: main }
telemetry: false
remote:
  host: '${host}'
  cache: { compression: ${compression}, verifyIntegrity: true }
`,
    'packages/lib/moon.yml': tasks(''),
    'packages/app/moon.yml': tasks("dependsOn: ['lib']"),
    'packages/lib/src/a.txt': `lib ${salt}\n`,
    'packages/app/src/b.txt': 'app\n',
    'packages/lib/build.sh': `
mkdir -p dist/deep
cat src/* > dist/out.txt
head -c 9000000 /dev/zero > dist/big.bin
: > dist/empty
printf '#!/bin/sh\\n' > dist/deep/run.sh
chmod +x dist/deep/run.sh
echo built
echo warned >&2
`,
    'packages/app/build.sh':
      'mkdir -p dist\ncat ../lib/dist/out.txt src/* > dist/out.txt\ncp ../lib/dist/deep/run.sh dist\n',
  })
  const git = ['-c', 'user.name=e2e', '-c', 'user.email=e2e@localhost']
  await runOk('git', ['init', '--quiet', '--initial-branch=main', '.'], { cwd: path })
  await runOk('git', ['add', '--all'], { cwd: path })
  await runOk('git', [...git, 'commit', '--quiet', '--message=all'], { cwd: path })
}

function outputs(workspace: string): string[] {
  return ['lib', 'app'].flatMap((name) => snapshot(join(workspace, 'packages', name, 'dist')))
}
