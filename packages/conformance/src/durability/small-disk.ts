import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What disk to make. */
export interface SmallDiskOptions {
  readonly sizeBytes: number
  /** Fails where no disk can be mounted, rather than leave it out. Default: false. */
  readonly isRequired?: boolean | undefined
}

/**
 * Mounts a small file system in memory (tmpfs), runs something on it, and unmounts it.
 *
 * Mounting takes Linux and the right to do it, which root has. Elsewhere it says why on standard output, and resolves to
 * false.
 *
 * @throws Error when it is required and cannot be mounted; what `use` throws.
 */
export async function withSmallDisk(
  { sizeBytes, isRequired = false }: SmallDiskOptions,
  use: (directory: string) => Promise<void>,
): Promise<boolean> {
  const directory = mkdtempSync(join(tmpdir(), 'caskade-disk-'))
  const problem = run('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', directory])
  if (problem !== undefined) {
    rmdirSync(directory)
    if (isRequired) throw new Error(`withSmallDisk: cannot mount: ${problem}`)
    process.stdout.write(`skipped: no small disk can be mounted: ${problem}\n`)
    return false
  }
  try {
    await use(directory)
  } finally {
    // Lazily, should a process that failed to end still have a file open.
    const failure = run('umount', [directory]) === undefined ? undefined : run('umount', ['-l', directory])
    if (failure === undefined) rmdirSync(directory)
    else process.stdout.write(`withSmallDisk: cannot unmount ${directory}: ${failure}\n`)
  }
  return true
}

/** Runs a command; returns what went wrong. */
function run(command: string, args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (error !== undefined) return error.message
  return status === 0 ? undefined : stderr.trim()
}
