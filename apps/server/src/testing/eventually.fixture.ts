import { vi } from 'vitest'

/** Waits for what comes true in time, however busy the machine is: what does not, hangs. */
export async function eventually(assertion: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(assertion, { timeout: 30_000 })
}
