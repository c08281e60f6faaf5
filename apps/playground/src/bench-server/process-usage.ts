import { readdirSync, readFileSync } from 'node:fs'

/** Linux counts processor time in hundredths of a second. */
const TICK_US = 10_000

/** What a process and those that it started have used: user and system time of all their threads, in microseconds. */
export function cpuUsOf(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + ticksOf(member) * TICK_US, 0)
}

/** The most memory that each of them ever had resident, summed up, in bytes. */
export function peakMemoryOf(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + statusBytes(member, 'VmHWM'), 0)
}

/** The memory that each of them has resident now, summed up, in bytes. */
export function residentMemoryOf(pid: number): number {
  return familyOf(pid).reduce((sum, member) => sum + statusBytes(member, 'VmRSS'), 0)
}

function familyOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(familyOf)]
}

function ticksOf(pid: number): number {
  // The name of the program is in parentheses, and may hold anything. What follows begins with the third field (proc_pid_stat(5)).
  const [, fields = ''] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
  const values = fields.split(' ')
  return Number(values[14 - 3]) + Number(values[15 - 3])
}

function statusBytes(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kibibytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes ?? 0) * 1024
}
