import type { Digest } from '@caskade/core'
import { reportEvent } from '@caskade/core'
import type { ObjectAccess } from './object-access.ts'
import type { KnowledgeKey, ObjectKnowledge } from './object-knowledge.ts'

/** An object that is in use. */
export interface UsedObject {
  readonly name: string
  readonly key: KnowledgeKey
  readonly digest?: Digest | undefined
}

/** What a recorder works with. */
export interface UseRecorderOptions {
  readonly access: ObjectAccess
  readonly knowledge: ObjectKnowledge
  readonly now: () => number
}

/** A use is recorded when the last one that was recorded is older: each record costs as much as twelve reads. */
export const TOUCH_AFTER_MS: number = 24 * 3_600_000

/** After a record that was put off or failed, so long until the next try, in milliseconds. */
const TRY_AGAIN_MS = 10 * 60_000

/** How many records are under way at once. */
const CONCURRENCY = 4

/** How many wait at most. One that finds no room is not made; the next use of the object tries again. */
const MAX_WAITING = 10_000

/** How long the end waits for what is still to be recorded, in milliseconds. */
const DRAIN_MS = 5000

/**
 * Records uses of objects in their `customTime`, by which the lifecycle rule of the bucket removes what is no longer used:
 * in the background, a few at a time, and at most once a day for each. Failures are reported and cost nobody anything.
 */
export class UseRecorder {
  readonly #options: UseRecorderOptions
  readonly #waiting = new Map<string, UsedObject>()
  readonly #running = new Set<Promise<void>>()
  readonly #names = new Set<string>()
  #controller = new AbortController()

  constructor(options: UseRecorderOptions) {
    this.#options = options
  }

  /** Notes a use. `customTimeMs` is when the last one was recorded, where the caller has just seen that. */
  note(object: UsedObject, customTimeMs?: number): void {
    const { knowledge, now } = this.#options
    const recorded = customTimeMs ?? knowledge.customTimeMs(object.key)
    if (recorded !== undefined && now() - recorded < TOUCH_AFTER_MS) return
    if (this.#names.has(object.name) || this.#waiting.size >= MAX_WAITING) return
    this.#names.add(object.name)
    this.#waiting.set(object.name, object)
    this.#startMore()
  }

  /** Waits until everything is recorded, up to a deadline; gives up what is left then. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#controller.abort(new Error('it was stopped')), DRAIN_MS)
    while (this.#running.size > 0) await Promise.all(this.#running)
    clearTimeout(timer)
    this.#controller = new AbortController()
  }

  #startMore(): void {
    while (this.#running.size < CONCURRENCY) {
      const [object] = this.#waiting.values()
      if (object === undefined) return
      this.#waiting.delete(object.name)
      const running = this.#record(object).finally(() => {
        this.#running.delete(running)
        this.#names.delete(object.name)
        this.#startMore()
      })
      this.#running.add(running)
    }
  }

  async #record({ name, key, digest }: UsedObject): Promise<void> {
    const { access, knowledge, now } = this.#options
    const { signal } = this.#controller
    const putOff = (): void => knowledge.noteCustomTime(key, now() - TOUCH_AFTER_MS + TRY_AGAIN_MS)
    try {
      signal.throwIfAborted()
      if (knowledge.customTimeMs(key) === undefined && (await this.#isFresh(name, key, signal))) return
      const touchedAt = now()
      const outcome = await access.touch(name, touchedAt, { signal })
      if (outcome === 'done') knowledge.noteCustomTime(key, touchedAt)
      else if (outcome === 'put-off') putOff()
      else knowledge.forget(key)
    } catch (error) {
      putOff()
      reportEvent({ kind: 'touch-failure', storageType: 'Gcs', operation: 'touch', digest, error })
    }
  }

  /** Tells whether there is nothing to record, after all: somebody else did, or the object is gone. */
  async #isFresh(name: string, key: KnowledgeKey, signal: AbortSignal): Promise<boolean> {
    const { access, knowledge, now } = this.#options
    const facts = await access.facts(name, { signal })
    if (facts === null) {
      knowledge.forget(key)
      return true
    }
    if (facts.customTimeMs === undefined) return false
    knowledge.noteCustomTime(key, facts.customTimeMs)
    return now() - facts.customTimeMs < TOUCH_AFTER_MS
  }
}
