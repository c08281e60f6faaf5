import type { ActionCacheABC } from '@caskade/core'
import { assertStopsInTime } from './assertions.ts'

/** Makes the action caches that the suite runs on. */
export interface ActionCacheHarness {
  /** Makes an empty action cache, not started, that shares nothing with any other. */
  readonly create: () => ActionCacheABC | Promise<ActionCacheABC>
  /** Removes what an action cache kept outside this process. Called once it is stopped. */
  readonly destroy?: ((actionCache: ActionCacheABC) => void | Promise<void>) | undefined
  /** Makes another one, not started, over what an earlier one kept, which was stopped. For those that remember. */
  readonly reopen?: ((actionCache: ActionCacheABC) => ActionCacheABC | Promise<ActionCacheABC>) | undefined
}

/** What a case runs on. */
export interface ActionCacheCaseContext {
  /** The action cache under test, started unless the case says otherwise. The runner stops and destroys it. */
  readonly actionCache: ActionCacheABC
  readonly harness: ActionCacheHarness
}

/** One rule of the contract in one situation. */
export interface ActionCacheCase {
  /** A sentence, unique in the suite. */
  readonly name: string
  /** What the harness must offer. Default: nothing. */
  readonly needs?: 'reopen' | undefined
  /** The case starts the action cache itself. Default: false. */
  readonly startsItself?: boolean | undefined
  run(context: ActionCacheCaseContext): Promise<void>
}

/** Runs one case on a fresh action cache; rejects when it breaks the rule. */
export async function runActionCacheCase(actionCacheCase: ActionCacheCase, harness: ActionCacheHarness): Promise<void> {
  const actionCache = await harness.create()
  try {
    if (actionCacheCase.startsItself !== true) await actionCache.start()
    await actionCacheCase.run({ actionCache, harness })
    await assertStopsInTime(actionCache)
  } finally {
    await actionCache.stop()
    await harness.destroy?.(actionCache)
  }
}

/** Tells whether a harness offers what a case needs. */
export function canRunActionCache({ needs }: ActionCacheCase, harness: ActionCacheHarness): boolean {
  return needs === undefined || harness.reopen !== undefined
}
