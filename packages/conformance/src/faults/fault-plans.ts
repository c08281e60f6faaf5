import { StorageError } from '@caskade/core'
import type { FaultPlan, FaultyCall, FaultyMethod } from './fault-plan.ts'

/** What a faulty storage fails with when nobody says otherwise: the one error that is worth a retry. */
export function unavailable(): StorageError {
  return new StorageError('unavailable', 'Faulty: try again later')
}

/** Fails calls before they do anything. `error` is what they reject with. Default: `unavailable`, a new one each time. */
export function failing(error?: unknown): FaultPlan {
  return { before: () => fail(error) }
}

/** Fails calls that did what they were asked: from outside nobody can tell them from those that did not. */
export function failingAfterwards(error?: unknown): FaultPlan {
  return { after: () => fail(error) }
}

/** Fails every start. */
export function failingToStart(error?: unknown): FaultPlan {
  return { onStart: () => fail(error) }
}

/** Fails readers once they have delivered so many bytes. */
export function failingReaders(afterBytes: number, error?: unknown): FaultPlan {
  return {
    async *content(chunks) {
      yield* firstBytes(chunks, afterBytes)
      fail(error)
    },
  }
}

/** Ends content after so many bytes, as if there were no more. */
export function truncating(afterBytes: number): FaultPlan {
  return { content: (chunks) => firstBytes(chunks, afterBytes) }
}

/** Delivers content with one bit of the byte at `offset` flipped. Default: of the first byte. */
export function flippingBits(offset = 0): FaultPlan {
  return {
    async *content(chunks) {
      let position = 0
      for await (const chunk of chunks) {
        const changed = Uint8Array.from(chunk)
        const at = offset - position
        if (at >= 0 && at < changed.byteLength) changed[at] = (changed[at] ?? 0) ^ 1
        position += chunk.byteLength
        yield changed
      }
    },
  }
}

/** Which calls a plan is for. What is left out does not matter. */
export interface CallFilter {
  /** Only calls of these methods. */
  readonly methods?: readonly FaultyMethod[] | undefined
  /** Only the nth call of each method, from 1. */
  readonly call?: number | undefined
  /** Only the nth call of each method and those that follow, from 1. */
  readonly fromCall?: number | undefined
  /** Only calls about this blob, by hash, or about this key. */
  readonly name?: string | undefined
}

/** Limits a plan to some calls; a string names a method. Starting and stopping are not calls: what a plan does to them is left out. */
export function on(which: FaultyMethod | CallFilter, { before, after, content }: FaultPlan): FaultPlan {
  const {
    methods,
    call: only,
    fromCall = 1,
    name,
  }: CallFilter = typeof which === 'string' ? { methods: [which] } : which
  const concerns = (call: FaultyCall): boolean =>
    (methods?.includes(call.method) ?? true) &&
    call.number === (only ?? call.number) &&
    call.number >= fromCall &&
    (name === undefined || call.names.includes(name))
  return {
    before: (call) => (concerns(call) ? before?.(call) : undefined),
    after: (call) => (concerns(call) ? after?.(call) : undefined),
    content: (chunks, call) => (content !== undefined && concerns(call) ? content(chunks, call) : chunks),
  }
}

/** Has several plans interfere with every call, in the order given. */
export function together(...plans: readonly FaultPlan[]): FaultPlan {
  return {
    async before(call) {
      for (const plan of plans) await plan.before?.(call)
    },
    async after(call) {
      for (const plan of plans) await plan.after?.(call)
    },
    async onStart() {
      for (const plan of plans) await plan.onStart?.()
    },
    async onStop() {
      for (const plan of plans) await plan.onStop?.()
    },
    content: (chunks, call) => plans.reduce((content, plan) => plan.content?.(content, call) ?? content, chunks),
  }
}

function fail(error: unknown = unavailable()): never {
  throw error
}

async function* firstBytes(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = sizeBytes
  for await (const chunk of chunks) {
    if (chunk.byteLength > left) {
      if (left > 0) yield chunk.subarray(0, left)
      return
    }
    left -= chunk.byteLength
    yield chunk
  }
}
