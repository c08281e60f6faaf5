import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runSetup } from '../support/run-setup.ts'
import { run, runOk } from '../support/run.ts'
import type { Tool } from './tool.ts'

const VERSION = '24.0.6'

const outputs = ['{projectRoot}/dist']

export const nx: Tool = {
  name: 'Nx',
  statistics: 'nx',
  steps: 2,
  // It ends its run when the cache cannot be reached, and fails tasks whose results it cannot store.
  survivesAbsence: false,
  async install(folder) {
    await runOk('npm', ['install', '--prefix', folder, `nx@${VERSION}`], { cwd: folder })
  },
  async create({ folder, server, salt }, tools) {
    writeFiles(folder, {
      'package.json': JSON.stringify({ name: 'root', private: true, devDependencies: { nx: VERSION } }),
      'nx.json': JSON.stringify({
        neverConnectToCloud: true,
        analytics: false,
        targetDefaults: {
          build: { cache: true, dependsOn: ['^build'], inputs: ['{projectRoot}/source.txt'], outputs },
        },
      }),
      '.gitignore': 'dist\n.nx\nnode_modules\npause-*\n',
      'packages/lib/project.json': project('lib'),
      'packages/app/project.json': project('app', ['lib']),
      'packages/lib/source.txt': `lib ${salt}\n`,
      'packages/app/source.txt': `app ${salt}\n`,
      'packages/lib/build.sh': `mkdir -p dist/deep\ncat source.txt > dist/out.txt\nhead -c 3000000 /dev/urandom > dist/big\n: > dist/deep/empty\necho built lib\n`,
      'packages/app/build.sh': `${pauseLines(folder)}\nmkdir -p dist\ncat ../lib/dist/out.txt source.txt > dist/out.txt\necho built app\n`,
    })
    symlinkSync(join(tools, 'node_modules'), join(folder, 'node_modules'))
    await runSetup('nx', server, { cwd: folder })
    await runOk('git', ['init', '--quiet', '.'], { cwd: folder })
    const options = {
      cwd: folder,
      env: {
        NX_DAEMON: 'false',
        NX_TUI: 'false',
        NX_CACHE_DIRECTORY: join(folder, '.nx', 'cache'),
        NX_WORKSPACE_DATA_DIRECTORY: join(folder, '.nx', 'data'),
      },
    }
    return {
      async build() {
        const { code, output } = await run(
          join(folder, 'node_modules', '.bin', 'nx'),
          ['run-many', '-t', 'build', '--output-style=static'],
          options,
        )
        const remote = [...output.matchAll(/\[remote cache\]/g)].length
        const [, hits, all] = /Cache:\s+(\d+)\/(\d+) hit/.exec(output) ?? []
        const executed = Number(all ?? 0) - Number(hits ?? 0)
        return { code, output, remote, executed }
      },
      async wipe() {
        for (const name of ['.nx', 'packages/app/dist', 'packages/lib/dist']) {
          rmSync(join(folder, name), { recursive: true, force: true })
        }
      },
      outputs: () => ['app', 'lib'].flatMap((name) => snapshot(join(folder, 'packages', name, 'dist'))),
    }
  },
}

function project(name: string, implicitDependencies: readonly string[] = []): string {
  const command = 'sh build.sh'
  const build = { executor: 'nx:run-commands', options: { command, cwd: '{projectRoot}' } }
  return JSON.stringify({ name, implicitDependencies, targets: { build } })
}
