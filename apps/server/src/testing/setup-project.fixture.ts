import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, vi } from 'vitest'
import type { SetupOptions, SetupReport } from '../commands/setup.ts'
import { setUp } from '../commands/setup.ts'

/** A folder for a project, and what `caskade setup` does there. */
export interface SetupProject {
  /** Where it is, while a test runs. */
  readonly path: string
  readonly write: (path: string, content: string) => void
  readonly read: (path: string) => string
  /** Returns what it prints. */
  readonly run: (tool: string | undefined, options?: Partial<SetupOptions>) => string
  readonly report: (tool: string | undefined, options?: Partial<SetupOptions>) => SetupReport
}

/** Gives each test of a file an empty project, in which the configurations of users are in the folder `user`. */
export function useSetupProject(): SetupProject {
  let project = ''
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'caskade-setup-'))
    vi.stubEnv('CCACHE_CONFIGPATH', join(project, 'user', 'ccache.conf'))
    vi.stubEnv('SCCACHE_CONF', join(project, 'user', 'sccache'))
  })
  afterEach(() => {
    vi.unstubAllEnvs()
    rmSync(project, { recursive: true })
  })
  const report: SetupProject['report'] = (tool, options) =>
    setUp({ tool, project, write: false, instanceName: '', config: {}, ...options })
  return {
    get path() {
      return project
    },
    write(path, content) {
      mkdirSync(dirname(join(project, path)), { recursive: true })
      writeFileSync(join(project, path), content)
    },
    read: (path) => readFileSync(join(project, path), 'utf8'),
    run: (tool, options) => report(tool, options).output,
    report,
  }
}
