import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runOk } from './run.ts'

/** Builds a program of a Go module, once for this machine; resolves to its path. */
export async function goTool(packagePath: string, version: string): Promise<string> {
  const name = packagePath.split('/').at(-1) ?? ''
  const folder = join(tmpdir(), `caskade-e2e-${name}-${version}`)
  const binary = join(folder, name)
  if (!existsSync(binary)) {
    mkdirSync(folder, { recursive: true })
    await runOk('go', ['install', `${packagePath}@${version}`], { cwd: folder, env: { GOBIN: folder } })
  }
  return binary
}
