import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runSetup } from '../support/run-setup.ts'
import { run, runOk } from '../support/run.ts'
import type { ProjectOptions, Tool } from './tool.ts'

const VERSION = '2.5.5'

/** How moon talks to its cache. */
export interface MoonVariant {
  readonly name: string
  readonly api: 'grpc' | 'http'
  readonly compression: 'none' | 'zstd'
}

export function moon({ name, api, compression }: MoonVariant): Tool {
  return {
    name: `moon over ${name}`,
    statistics: 'moon',
    steps: 2,
    survivesAbsence: true,
    async install(folder) {
      await runOk('npm', ['install', '--prefix', folder, `@moonrepo/cli@${VERSION}`], { cwd: folder })
    },
    async create(options, tools) {
      const { folder, server } = options
      const host = api === 'http' ? `\n  api: http\n  host: '${server.http}'` : ''
      await writeWorkspace(options, `remote:${host}\n  cache: { compression: ${compression}, verifyIntegrity: true }`)
      if (api === 'grpc') await runSetup('moon', server, { cwd: folder })
      const command = join(tools, 'node_modules', '.bin', 'moon')
      const moonOptions = { cwd: folder, env: { HOME: join(folder, 'home'), MOON_TOOLCHAIN_FORCE_GLOBALS: 'true' } }
      return {
        async build() {
          const { code, output } = await run(command, ['run', 'app:build'], moonOptions)
          const remote = [...output.matchAll(/cached from remote/g)].length
          const completed = /Tasks: (\d+) completed/.exec(output)?.[1]
          return { code, output, remote, executed: Number(completed ?? 0) - remote }
        },
        async wipe() {
          for (const path of ['.moon/cache', 'packages/lib/dist', 'packages/app/dist']) {
            rmSync(join(folder, path), { recursive: true, force: true })
          }
        },
        outputs: () => ['lib', 'app'].flatMap((each) => snapshot(join(folder, 'packages', each, 'dist'))),
      }
    },
  }
}

async function writeWorkspace({ folder, salt }: ProjectOptions, remote: string): Promise<void> {
  const tasks = (more: string): string => `${more}
tasks:
  build:
    command: 'sh build.sh'
    inputs: ['src/**/*', 'build.sh']
    outputs: ['dist']
    ${more === '' ? '' : "deps: ['^:build']"}
`
  writeFiles(folder, {
    '.gitignore': 'dist\n.moon/cache\nhome\npause-*\n',
    '.moon/workspace.yml': `
projects: ['packages/*']
vcs: { client: git, defaultBranch: main }
telemetry: false
${remote}
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
    'packages/app/build.sh': `
${pauseLines(folder)}
mkdir -p dist
cat ../lib/dist/out.txt src/* > dist/out.txt
cp ../lib/dist/deep/run.sh dist
`,
  })
  const git = ['-c', 'user.name=e2e', '-c', 'user.email=e2e@localhost']
  await runOk('git', ['init', '--quiet', '--initial-branch=main', '.'], { cwd: folder })
  await runOk('git', ['add', '--all'], { cwd: folder })
  await runOk('git', [...git, 'commit', '--quiet', '--message=all'], { cwd: folder })
}
