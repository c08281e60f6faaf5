import { availableParallelism } from 'node:os'
import { ConfigError } from './config-error.ts'

/** How many processes serve: so many, or one for each core. */
export type WorkerCount = number | 'auto'

const MAX_WORKERS = 256

/** Where the system spreads connections over the processes that listen at one port (Node.js, `net.Server.listen`, `reusePort`). */
const SPREADING_PLATFORMS: readonly NodeJS.Platform[] = ['linux', 'freebsd', 'sunos', 'aix']

/**
 * Reads a number of workers.
 *
 * @throws ConfigError when it is none.
 */
export function parseWorkers(value: string | number, option: string): WorkerCount {
  if (value === 'auto') return value
  const isNumber = typeof value === 'number' || /^\d+$/.test(value)
  const count = isNumber ? Number(value) : NaN
  if (Number.isInteger(count) && count >= 1 && count <= MAX_WORKERS) return count
  throw new ConfigError([`${option}: ${JSON.stringify(value)} is not a whole number from 1 to ${MAX_WORKERS}, or auto`])
}

/**
 * How many processes a server is. Where the system does not spread connections, `auto` means one.
 *
 * @throws ConfigError when more are wanted than can share a port here.
 */
export function countWorkers(
  workers: WorkerCount = 1,
  { platform, cores }: { readonly platform: NodeJS.Platform; readonly cores: number } = {
    platform: process.platform,
    cores: availableParallelism(),
  },
): number {
  const canSpread = SPREADING_PLATFORMS.includes(platform)
  if (workers === 'auto') return canSpread ? Math.min(cores, MAX_WORKERS) : 1
  const count = parseWorkers(workers, 'workers') as number
  if (count === 1 || canSpread) return count
  throw new ConfigError([
    `workers: ${count} processes cannot share a port on ${platform}, which does not spread connections; set workers: 1`,
  ])
}
