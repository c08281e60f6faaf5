import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isErrnoException } from '../storage-error.ts'

/** Names a process so that another one can tell whether it still runs. */
export interface ProcessIdentity {
  readonly pid: number
  /** When it started, in the kernel's clock ticks; null where the system does not tell. */
  readonly startedAt: string | null
  /** The name of the host. */
  readonly host: string
  /** The id of the machine, which outlasts a restart; null where the system does not tell, absent where it was not asked. */
  readonly machine?: string | null | undefined
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
    machine: await told(readFile('/etc/machine-id', 'utf8')),
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
  if (other.boot === null || self.boot === null) return probeWithoutBoots(self, other)
  if (other.boot !== self.boot) return isSameMachine(self, other) ? 'dead' : 'unknown'
  return other.namespace === self.namespace ? probeHere(other) : 'unknown'
}

/** Systems that do not tell of their boots have no process id namespaces either. */
async function probeWithoutBoots(self: ProcessIdentity, other: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  const isAlike = other.boot === self.boot && other.namespace === self.namespace
  return isAlike && isSameMachine(self, other) ? probeHere(other) : 'unknown'
}

function isSameMachine(self: ProcessIdentity, other: ProcessIdentity): boolean {
  if (other.host !== self.host) return false
  // Two machines may have one name, and share a disk.
  return (other.machine ?? self.machine) === (self.machine ?? other.machine)
}

async function probeHere(other: ProcessIdentity): Promise<'alive' | 'dead' | 'unknown'> {
  if (!isRunning(other.pid)) return 'dead'
  const startedAt = await startTime(other.pid)
  // A process id is used again after a while; the start time is not.
  if (startedAt === other.startedAt) return 'alive'
  // Some systems hide the processes of other users.
  return startedAt === null || other.startedAt === null ? 'unknown' : 'dead'
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
