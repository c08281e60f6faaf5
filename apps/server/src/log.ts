import type { Logger } from 'pino'
import { destination, pino } from 'pino'

/** Where the server says what happens: one JSON object a line. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error'>

/** Makes a log that writes to standard error. */
export function createLog(): Log {
  return pino(
    {
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    destination(2),
  )
}
