import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { writeBazelWorkspace } from '../support/bazel-workspace.ts'
import { snapshot } from '../support/folders.ts'
import { runSetup } from '../support/run-setup.ts'
import { run, runOk } from '../support/run.ts'
import type { ProjectOptions, Tool } from './tool.ts'

/** How Bazel talks to its cache, and what it builds. Without flags, as `caskade setup` has it do. */
export interface BazelVariant {
  readonly name: string
  readonly flags?: ((server: ProjectOptions['server']) => readonly string[]) | undefined
  /** Default: everything there is, tests included. */
  readonly targets?: readonly string[] | undefined
  /** How many actions that is. */
  readonly steps?: number | undefined
}

export function bazel({ name, flags, targets = ['//...'], steps = 16 }: BazelVariant): Tool {
  return {
    name: `Bazel over ${name}`,
    statistics: 'bazel',
    command: 'bazel',
    steps,
    survivesAbsence: true,
    async create({ folder, server, salt }) {
      const overrides = writeBazelWorkspace(folder, salt.replaceAll(/\W+/g, '-'))
      const workspace = join(folder, 'ws')
      const options = { cwd: workspace, env: { HOME: folder } }
      if (flags === undefined) await runSetup('bazel', server, options)
      const startup = [`--output_user_root=${join(folder, 'root')}`, '--nohome_rc']
      const command = targets.includes('//...') ? 'test' : 'build'
      const args = [
        command,
        ...targets,
        '--noshow_progress',
        '--nosandbox_debug',
        ...overrides,
        ...(flags?.(server) ?? []),
      ]
      const shutDown = (): Promise<unknown> => run('bazel', [...startup, 'shutdown'], options)
      return {
        async build() {
          const { code, output } = await run('bazel', [...startup, ...args], options)
          const processes = /INFO: \d+ process(?:es)?: (.*)/.exec(output)?.[1] ?? ''
          const count = (kind: string): number => Number(new RegExp(`(\\d+) ${kind}`).exec(processes)?.[1] ?? 0)
          await shutDown()
          return {
            code,
            output,
            remote: count('remote cache hit'),
            executed: count('linux-sandbox') + count('processwrapper-sandbox') + count('local'),
          }
        },
        async wipe() {
          await runOk('bazel', [...startup, 'clean', '--expunge'], options)
          await shutDown()
        },
        outputs: () => outputsOf(workspace),
      }
    },
  }
}

/** What the build made, without the files that say when and where. */
function outputsOf(workspace: string): string[] {
  const link = join(workspace, 'bazel-bin')
  if (!existsSync(link)) return []
  const lines = snapshot(realpathSync(link), (path) => !/runfiles|_objs|\.params$|_virtual_includes/.test(path))
  return lines.map((line) => line.replaceAll(realpathSync(join(workspace, '..')), ''))
}
