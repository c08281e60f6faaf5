import assert from 'node:assert/strict'
import type { BuildOutcome } from './tool.ts'

/** Checks what a build came to; if it is something else, says what the tool said. */
export function assertOutcome({ output, ...actual }: BuildOutcome, expected: Omit<BuildOutcome, 'output'>): void {
  assert.deepEqual(actual, expected, `${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}:\n${output}`)
}
