import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isErrnoException } from '../storage-error.ts'

/** Names a process so that another one can tell whether it still runs. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in the kernel's clock ticks; null where the system does not tell. */
  readonly startedAt: string | null
  /** The host. */
  readonly host: string
  /** The boot of the host, null where unknown. */
  readonly boot: string | null
  /** The process id namespace (containers have their own), null where unknown. */
  readonly namespace: string | null
}

/** What reading says where the system does not tell, or does not tell everybody. Anything else is a failure to find out. */
const UNTOLD_CODES = ['ENOENT', 'ENOTDIR', 'ESRCH', 'EACCES', 'EPERM']

/** Describes this process. Rejects when it cannot, for example because too many files are open. */
export async function identifyThisProcess(): Promise<ProcessIdentity> {
  return {
    pid: process.pid,
    startedAt: await startTime(process.pid),
    host: hostname(),
    boot: await told(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    namespace: await told(readlink('/proc/self/ns/pid')),
  }
}

/**
 * Tells whether another process still runs, or that this one cannot know because it is on another host or in another
 * container. Rejects when it cannot find out.
 */
export async function probeProcess(other: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  const self = await identifyThisProcess()
  if (other.host === self.host && other.boot !== self.boot) return 'dead'
  if (other.boot !== self.boot || other.namespace !== self.namespace) return 'unknown'
  if (other.boot === null && other.host !== self.host) return 'unknown'
  if (!isRunning(other.pid)) return 'dead'
  // A process id is used again after a while; the start time is not.
  return (await startTime(other.pid)) === other.startedAt ? 'alive' : 'dead'
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return isErrnoException(error, 'EPERM')
  }
}

async function startTime(pid: number): Promise<string | null> {
  const stat = await told(readFile(`/proc/${pid}/stat`, 'utf8'))
  // Field 22 of proc_pid_stat(5); the name before it, in parentheses, may hold spaces.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

async function told(reading: Promise<string>): Promise<string | null> {
  try {
    return (await reading).trim()
  } catch (error) {
    if (UNTOLD_CODES.some((code) => isErrnoException(error, code))) return null
    throw error
  }
}
