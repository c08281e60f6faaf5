import fs from 'node:fs'

/** The file in which Linux says so of the thread that opened it; null when there is none. */
let descriptor: number | null | undefined

const buffer = Buffer.alloc(96)

/**
 * How long this thread has had work to do but no processor, because others had them all, since it began, in milliseconds.
 * Undefined where the system does not tell.
 */
export function processorDelayMs(): number | undefined {
  descriptor ??= openStatistics()
  if (descriptor === null) return undefined
  // Nanoseconds on a processor, nanoseconds waited for one, and how often it was given one (proc_pid_schedstat(5)).
  const length = fs.readSync(descriptor, buffer, 0, buffer.byteLength, 0)
  const [, delayNs] = buffer.toString('latin1', 0, length).split(' ')
  return Number(delayNs) / 1e6
}

function openStatistics(): number | null {
  try {
    return fs.openSync('/proc/thread-self/schedstat', 'r')
  } catch {
    return null
  }
}
