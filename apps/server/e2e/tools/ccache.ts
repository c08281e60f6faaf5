import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runSetup } from '../support/run-setup.ts'
import { run, runOk } from '../support/run.ts'
import type { Tool } from './tool.ts'

const SOURCES = ['one', 'two', 'three']

/** ccache, which compiles a few files, in one of the layouts that it has for a cache over HTTP. */
export function ccache(layout: 'flat' | 'subdirs' | 'bazel'): Tool {
  return {
    name: `ccache, layout ${layout}`,
    statistics: 'ccache',
    command: 'ccache',
    steps: SOURCES.length,
    survivesAbsence: true,
    async create({ folder, server, salt }) {
      const sources = SOURCES.map((name) => [
        `${name}.c`,
        `#include "header.h"\nconst char ${name}[] = VALUE "${salt}";\n`,
      ])
      writeFiles(folder, {
        ...Object.fromEntries(sources),
        'header.h': `#define VALUE "value ${salt}"\n`,
        'build.sh': [
          'set -e',
          'mkdir -p objects',
          'ccache gcc -c one.c -o objects/one.o',
          pauseLines(folder),
          'ccache gcc -c two.c -o objects/two.o',
          'ccache gcc -c three.c -o objects/three.o',
        ].join('\n'),
      })
      const address = `${server.http}${layout === 'bazel' ? '' : '/ccache'}|layout=${layout}`
      // The layout that ccache has when it is not told is left to what `caskade setup` writes.
      const options = {
        cwd: folder,
        env: {
          CCACHE_DIR: join(folder, 'cache'),
          CCACHE_CONFIGPATH: join(folder, 'ccache.conf'),
          ...(layout !== 'subdirs' && { CCACHE_REMOTE_STORAGE: address }),
        },
      }
      if (layout === 'subdirs') await runSetup('ccache', server, options)
      return {
        async build() {
          mkdirSync(join(folder, 'cache'), { recursive: true })
          await runOk('ccache', ['--zero-stats'], options)
          const { code, output } = await run('sh', ['build.sh'], options)
          const statistics = await runOk('ccache', ['--print-stats'], options)
          const count = (name: string): number =>
            Number(new RegExp(`^${name}\\t(\\d+)$`, 'm').exec(statistics)?.[1] ?? 0)
          const hits = count('direct_cache_hit') + count('preprocessed_cache_hit')
          // A hit takes two reads: of what the source depends on, and of the result.
          const remote = Math.min(hits, Math.ceil(count('remote_storage_read_hit') / 2))
          return { code, output: `${output}\n${statistics}`, remote, executed: count('cache_miss') }
        },
        async wipe() {
          for (const name of ['cache', 'objects']) rmSync(join(folder, name), { recursive: true, force: true })
        },
        outputs: () => snapshot(join(folder, 'objects')),
      }
    },
  }
}
