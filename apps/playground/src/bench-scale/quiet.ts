import { setTimeout } from 'node:timers/promises'
import { cpuUsOf } from '../bench-server/process-usage.ts'

/** A process that used no more than this of a second does nothing that matters, in microseconds. */
const QUIET_US = 20_000

/** How long is waited for that, in milliseconds. */
const MAX_MS = 900_000

/** What a process did before it was quiet. */
export interface Restlessness {
  /** What it used meanwhile, in microseconds of processor time. */
  readonly cpuUs: number
  readonly tookMs: number
}

/** Waits until a process does nothing in the background any more, or for a quarter of an hour. */
export async function untilQuiet(pid: number, signal: AbortSignal): Promise<Restlessness> {
  const began = performance.now()
  const first = cpuUsOf(pid)
  let restlessAt = began
  for (let last = first; performance.now() - began < MAX_MS;) {
    await setTimeout(1000, undefined, { signal })
    const now = cpuUsOf(pid)
    if (now - last <= QUIET_US) return { cpuUs: last - first, tookMs: restlessAt - began }
    last = now
    restlessAt = performance.now()
  }
  return { cpuUs: cpuUsOf(pid) - first, tookMs: performance.now() - began }
}
