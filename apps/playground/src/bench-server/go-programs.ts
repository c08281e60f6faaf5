import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SOURCES = join(import.meta.dirname, '..', '..', 'go')

const exec = promisify(execFile)

/** Builds a program of the folder `go`. Rejects when there is no Go, or its modules cannot be had. */
export async function buildProgram(name: string, folder: string): Promise<{ path: string; version: string }> {
  const path = join(folder, name)
  await exec('go', ['build', '-o', path, `./${name}`], { cwd: SOURCES })
  return { path, version: await goVersionOf(path) }
}

/** The version of Go that a program was built with, such as `go1.26.8`. */
export async function goVersionOf(path: string): Promise<string> {
  const { stdout } = await exec('go', ['version', path])
  return stdout.trim().replace(`${path}: `, '')
}
