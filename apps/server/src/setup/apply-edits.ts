import { mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isErrnoException } from '@caskade/core'
import type { FileEdit } from './setup-tool.ts'

/** What became of a file. */
export interface AppliedEdit {
  readonly path: string
  readonly outcome: 'created' | 'changed' | 'unchanged'
}

/**
 * Makes edits in a project: all of them, or none when one of them cannot be made. A file is replaced as a whole, so that nobody
 * sees half of it.
 *
 * @throws SetupError as the edits do; the error of Node.js when a file can be neither read nor written.
 */
export function applyEdits(project: string, edits: readonly FileEdit[]): AppliedEdit[] {
  const planned = edits.map(({ path, change }) => {
    const named = resolve(project, path)
    const before = readIfThere(named)
    // A link stays one.
    const target = before === undefined ? named : realpathSync(named)
    return { path, target, before, after: change(before) }
  })
  return planned.map(({ path, target, before, after }) => {
    if (after === before) return { path, outcome: 'unchanged' }
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(`${target}.caskade`, after, before === undefined ? {} : { mode: statSync(target).mode })
    renameSync(`${target}.caskade`, target)
    return { path, outcome: before === undefined ? 'created' : 'changed' }
  })
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isErrnoException(error, 'ENOENT')) return undefined
    throw error
  }
}
