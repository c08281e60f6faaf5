import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { runSetup } from '../support/run-setup.ts'
import { pauseLines } from '../support/pause.ts'
import { run, runOk } from '../support/run.ts'
import type { Tool } from './tool.ts'

const SOURCES = ['one', 'two', 'three']

export const sccache: Tool = {
  name: 'sccache',
  statistics: 'webdav',
  command: 'sccache',
  isOptional: true,
  steps: SOURCES.length,
  survivesAbsence: true,
  async create({ folder, server, salt }) {
    const compile = (name: string): string => `sccache gcc -c ${name}.c -o objects/${name}.o`
    const [first = '', ...others] = SOURCES.map(compile)
    writeFiles(folder, {
      ...Object.fromEntries(SOURCES.map((name) => [`${name}.c`, `const char ${name}[] = "${salt}";\n`])),
      'build.sh': ['set -e', 'mkdir -p objects', first, pauseLines(folder), ...others].join('\n'),
    })
    const options = {
      cwd: folder,
      env: { SCCACHE_CONF: join(folder, 'sccache.conf'), SCCACHE_SERVER_PORT: String(20_000 + (process.pid % 10_000)) },
    }
    await runSetup('sccache', server, options)
    return {
      async build() {
        await run('sccache', ['--stop-server'], options)
        const { code, output } = await run('sh', ['build.sh'], options)
        const statistics = await runOk('sccache', ['--show-stats', '--stats-format=json'], options)
        await run('sccache', ['--stop-server'], options)
        const { stats } = JSON.parse(statistics) as { stats: { cache_hits: Counts; cache_misses: Counts } }
        return { code, output: output + statistics, remote: sum(stats.cache_hits), executed: sum(stats.cache_misses) }
      },
      async wipe() {
        rmSync(join(folder, 'objects'), { recursive: true, force: true })
      },
      outputs: () => snapshot(join(folder, 'objects')),
    }
  },
}

interface Counts {
  readonly counts: Readonly<Record<string, number>>
}

function sum({ counts }: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
