import type { OperationOptions } from '../operation-options.ts'

/** Waits for every attempt, then rejects with the first failure, if there was one; with the signal's reason if aborted. */
export async function attemptAll(attempts: readonly Promise<void>[], { signal }: OperationOptions): Promise<void> {
  const outcomes = await Promise.allSettled(attempts)
  const failure = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failure === undefined) return
  signal?.throwIfAborted()
  throw failure.reason
}
