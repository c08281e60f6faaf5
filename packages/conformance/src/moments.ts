import { setImmediate } from 'node:timers/promises'
import { assertRejectsWith } from './assertions.ts'

/** A point in the course of an operation, counted from its call: no clock is involved. */
export interface Moment {
  readonly name: string
  /** Waits for it. */
  readonly wait: () => Promise<void>
}

const MICROTASKS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24]
const TURNS = [...Array.from({ length: 20 }, (_, index) => index + 1), 30, 45, 70, 100, 150, 250, 400, 700, 1200, 2000]

/** Moments from right after the call to when any operation is over: single microtasks first, then turns of the event loop. */
export const moments: readonly Moment[] = [
  ...MICROTASKS.map((count) => ({ name: `after ${count} microtasks`, wait: () => microtasks(count) })),
  ...TURNS.map((count) => ({ name: `after ${count} turns`, wait: () => turns(count) })),
]

/**
 * Makes a call and gives it up at a moment, by its signal. Resolves to what became of it: `over` when it had already
 * ended, `done` when it succeeded all the same, `aborted` when it rejected with the signal's reason.
 *
 * Rejects when the call fails in any other way.
 */
export async function giveUpAt(
  { name, wait }: Moment,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<'over' | 'done' | 'aborted'> {
  const controller = new AbortController()
  const reason = new Error(`given up ${name}`)
  let isOver = false
  const calling = call(controller.signal).finally(() => {
    isOver = true
  })
  calling.catch(() => undefined)
  await wait()
  const wasOver = isOver
  controller.abort(reason)
  const isDone = await doneOrAborted(calling, reason, `an operation given up ${name}`)
  if (wasOver) return 'over'
  return isDone ? 'done' : 'aborted'
}

/** Waits for an operation; false when it rejected with the reason. Rejects when it failed in any other way. */
export async function doneOrAborted(operation: Promise<unknown>, reason: Error, what: string): Promise<boolean> {
  const [outcome] = await Promise.allSettled([operation])
  if (outcome.status === 'fulfilled') return true
  await assertRejectsWith(operation, reason, what)
  return false
}

/** Waits for so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate()
}

async function microtasks(count: number): Promise<void> {
  for (let microtask = 0; microtask < count; microtask++) await Promise.resolve()
}
