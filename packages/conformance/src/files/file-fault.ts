import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/**
 * What a storage asks of its files: of an open one `read`, `write`, `sync` and `size`; `stat` and `setModified` by its path
 * or of an open one.
 */
export type FileOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'size'
  | 'link'
  | 'rename'
  | 'unlink'
  | 'stat'
  | 'setModified'
  | 'createDirectory'
  | 'removeDirectory'
  | 'readDirectory'
  | 'syncDirectory'

/** The failures of a file system that a storage must live with. */
export type FileErrno = 'ENOSPC' | 'EDQUOT' | 'EACCES' | 'EROFS' | 'EMFILE' | 'EIO'

/** Which operations fail, and how. What is left out does not narrow it down: `{ errno: 'EIO' }` fails everything. */
export interface FileFault {
  readonly errno: FileErrno
  /** The operations that fail. Default: all. */
  readonly operation?: FileOperation | readonly FileOperation[] | undefined
  /** Only operations on paths that match; of two paths, as in a rename, either. Default: all paths. */
  readonly path?: RegExp | undefined
  /** Only the nth of the operations that match so far, counted from 1. Default: every one. */
  readonly nth?: number | undefined
  /** Only while this says so. Default: always. */
  readonly isOn?: (() => boolean) | undefined
  /**
   * How much of the operation takes effect before it fails: nothing, all of it, or of a write the first half, which tears
   * it (other operations cannot be torn and have no effect then). Default: nothing.
   */
  readonly effect?: 'none' | 'torn' | 'whole' | undefined
}

/** Makes the error that Node.js rejects with when the system call behind an operation fails. */
export function fileFailure(errno: FileErrno, operation: FileOperation, path: string): NodeJS.ErrnoException {
  const number = -constants.errno[errno]
  const description = getSystemErrorMap().get(number)?.[1] ?? 'failed'
  return Object.assign(new Error(`${errno}: ${description}, ${operation} '${path}'`), {
    errno: number,
    code: errno,
    syscall: operation,
    path,
  })
}
