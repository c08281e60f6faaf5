import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runSetup } from '../support/run-setup.ts'
import { run, runOk } from '../support/run.ts'
import type { Tool } from './tool.ts'

const VERSION = '2.11.11'

/** `flags` are those of `turbo run`. */
export function turborepo(name: string, flags: readonly string[] = []): Tool {
  return {
    name,
    statistics: 'turborepo',
    steps: 2,
    survivesAbsence: true,
    async install(folder) {
      await runOk('npm', ['install', '--prefix', folder, `turbo@${VERSION}`], { cwd: folder })
    },
    async create({ folder, server, salt }, tools) {
      writeFiles(folder, {
        'package.json': JSON.stringify({
          name: 'root',
          private: true,
          packageManager: 'npm@10.0.0',
          workspaces: ['packages/*'],
        }),
        'package-lock.json': JSON.stringify({
          name: 'root',
          lockfileVersion: 3,
          packages: {
            '': { name: 'root', workspaces: ['packages/*'] },
            'node_modules/app': { resolved: 'packages/app', link: true },
            'node_modules/lib': { resolved: 'packages/lib', link: true },
            'packages/app': { version: '1.0.0', dependencies: { lib: '1.0.0' } },
            'packages/lib': { version: '1.0.0' },
          },
        }),
        'turbo.json': JSON.stringify({
          tasks: { build: { dependsOn: ['^build'], outputs: ['dist/**'] } },
          remoteCache: { signature: true },
        }),
        '.gitignore': 'dist\n.turbo\nnode_modules\npause-*\n',
        'packages/lib/package.json': manifest('lib'),
        'packages/app/package.json': manifest('app', { lib: '1.0.0' }),
        'packages/lib/source.txt': `lib ${salt}\n`,
        'packages/app/source.txt': `app ${salt}\n`,
        'packages/lib/build.sh': `mkdir -p dist/deep\ncat source.txt > dist/out.txt\nhead -c 3000000 /dev/urandom > dist/big\n: > dist/deep/empty\necho built lib\n`,
        'packages/app/build.sh': `${pauseLines(folder)}\nmkdir -p dist\ncat ../lib/dist/out.txt source.txt > dist/out.txt\necho built app\n`,
      })
      await runSetup('turborepo', server, { cwd: folder })
      await runOk('git', ['init', '--quiet', '.'], { cwd: folder })
      const options = {
        cwd: folder,
        env: {
          TURBO_TOKEN: 'any',
          TURBO_REMOTE_CACHE_SIGNATURE_KEY: 'key',
          TURBO_TELEMETRY_DISABLED: '1',
          TURBO_DAEMON: 'false',
        },
      }
      const turbo = join(tools, 'node_modules', '.bin', 'turbo')
      return {
        async build() {
          const { code, output } = await run(turbo, ['run', 'build', '--summarize', '--no-color', ...flags], options)
          const cached = /Cached:\s+(\d+) cached, (\d+) total/.exec(output)
          const remote = [...output.matchAll(/cache hit, (replaying|suppressing)/g)].length
          return { code, output, remote, executed: Number(cached?.[2] ?? 0) - remote }
        },
        async wipe() {
          for (const made of [
            '.turbo',
            'node_modules',
            'packages/app/dist',
            'packages/lib/dist',
            'packages/app/.turbo',
            'packages/lib/.turbo',
          ]) {
            rmSync(join(folder, made), { recursive: true, force: true })
          }
        },
        outputs: () => ['app', 'lib'].flatMap((member) => snapshot(join(folder, 'packages', member, 'dist'))),
      }
    },
  }
}

function manifest(name: string, dependencies: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({ name, version: '1.0.0', scripts: { build: 'sh build.sh' }, dependencies })
}
