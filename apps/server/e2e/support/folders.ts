import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  lstatSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

/** A folder that is removed when it is disposed. */
export interface TemporaryFolder extends Disposable {
  readonly path: string
}

/** Creates an empty folder. */
export function temporaryFolder(name: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `caskade-e2e-${name}-`))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}

/** Writes files, by their paths below a folder; those that begin with `#!` are executable. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content, { mode: content.startsWith('#!') ? 0o755 : 0o644 })
  }
}

/**
 * What is in a folder, one line for each file: its path, whether it can be executed, and its content's hash or its target.
 * Nothing when it is not there.
 */
export function snapshot(folder: string, isWanted: (path: string) => boolean = () => true): string[] {
  const lines: string[] = []
  const visit = (path: string): void => {
    const name = relative(folder, path)
    if (name !== '' && !isWanted(name)) return
    const stats = lstatSync(path)
    if (stats.isSymbolicLink()) lines.push(`${name} -> ${readlinkSync(path)}`)
    else if (stats.isDirectory()) for (const child of readdirSync(path).toSorted()) visit(join(path, child))
    else lines.push(`${name} ${(stats.mode & 0o100) === 0 ? '-' : 'x'} ${hashOf(path)}`)
  }
  if (existsSync(folder)) visit(folder)
  return lines
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
