import { randomUUID } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isErrnoException } from '@caskade/core'
import type { FileEdit } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'
import { decodeText, encodeText } from './text-file.ts'

/** What became of a file. */
export interface AppliedEdit {
  readonly path: string
  readonly outcome: 'created' | 'changed' | 'unchanged'
}

/** An edit, and the file that it is made in. */
interface PlannedEdit extends AppliedEdit {
  readonly target: string
  readonly after: Buffer
}

/**
 * Makes edits in a project: all of them, or none when one of them cannot be made. A file is replaced as a whole, so that nobody
 * sees half of it.
 *
 * @throws SetupError as the edits do, and when a file can be neither read nor written.
 */
export function applyEdits(project: string, edits: readonly FileEdit[]): AppliedEdit[] {
  const planned = edits.map((edit) => describeFailure(edit.path, () => planEdit(project, edit)))
  const staged: { readonly from: string; readonly to: string }[] = []
  try {
    for (const { path, outcome, target, after } of planned) {
      if (outcome === 'unchanged') continue
      const from = `${target}.${randomUUID()}.tmp`
      staged.push({ from, to: target })
      describeFailure(path, () => writeBeside(from, target, after))
    }
    for (const { from, to } of staged) renameSync(from, to)
  } finally {
    for (const { from } of staged) rmSync(from, { force: true })
  }
  return planned.map(({ path, outcome }) => ({ path, outcome }))
}

function planEdit(project: string, { path, lines, change }: FileEdit): PlannedEdit {
  const named = resolve(project, path)
  const before = readIfThere(named)
  if (before === undefined) return { path, outcome: 'created', target: named, after: Buffer.from(change(undefined)) }
  const text = decodeText(before)
  if (text === undefined) throw new SetupError(`${path}: it is not in UTF-8; write this into it:\n${lines}`)
  const after = encodeText({ ...text, content: change(text.content) })
  // A link stays one.
  return { path, outcome: after.equals(before) ? 'unchanged' : 'changed', target: realpathSync(named), after }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (!isErrnoException(error, 'ENOENT')) throw error
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    throw new Error('it is a link to nothing', { cause: error })
  }
}

function writeBeside(path: string, target: string, content: Buffer): void {
  const existing = statSync(target, { throwIfNoEntry: false })
  if (existing === undefined) {
    makeFolder(dirname(target))
    writeFileSync(path, content)
    return
  }
  // To put another in the place of a file, nobody needs the permission to write it.
  accessSync(target, constants.W_OK)
  writeFileSync(path, content)
  chmodSync(path, existing.mode)
}

/** Not by the recursive `mkdirSync` of Node.js, which never ends where a folder says that nothing can be found in it, as `/proc` does. */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return
  makeFolder(dirname(path))
  mkdirSync(path)
}

function describeFailure<Result>(path: string, operation: () => Result): Result {
  try {
    return operation()
  } catch (error) {
    if (error instanceof SetupError) throw error
    throw new SetupError(`${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
