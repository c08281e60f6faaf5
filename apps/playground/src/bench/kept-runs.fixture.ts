import type { BenchRun } from './kept-runs.ts'

/** A run for tests. */
export function benchRun(command: string, differences: Partial<BenchRun> = {}): BenchRun {
  return { command, date: '2026-01-02T03:04:05.678Z', machine: 'a machine', servers: [], missing: [], ...differences }
}
