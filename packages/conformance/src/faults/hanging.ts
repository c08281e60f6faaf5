import type { FaultPlan, FaultyCall } from './fault-plan.ts'

/** A plan under which calls wait until they are released. */
export interface HangingPlan extends FaultPlan {
  /** Resolves once a call waits, to the first that does. */
  readonly reached: Promise<FaultyCall>
  /** The calls that wait at present. */
  readonly waiting: ReadonlySet<FaultyCall>
  /** Lets every call go on, those that are still to come as well. */
  release(): void
}

/**
 * Has calls hang before they do anything, until they are released or their signal is aborted; they then reject with its
 * reason. No clock is involved: a test decides when it is too late.
 */
export function hanging(): HangingPlan {
  const gate = new Gate()
  return plan(gate, { before: (call) => gate.wait(call) })
}

/** Has calls hang once the operation took effect. */
export function hangingAfterwards(): HangingPlan {
  const gate = new Gate()
  return plan(gate, { after: (call) => gate.wait(call) })
}

/** Has readers hang once they have delivered all chunks that begin before the given byte. Default: before the first. */
export function hangingReaders(afterBytes = 0): HangingPlan {
  const gate = new Gate()
  return plan(gate, {
    async *content(chunks, call) {
      let delivered = 0
      for await (const chunk of chunks) {
        if (delivered >= afterBytes) await gate.wait(call)
        yield chunk
        delivered += chunk.byteLength
      }
    },
  })
}

function plan(gate: Gate, part: FaultPlan): HangingPlan {
  return { ...part, reached: gate.reached, waiting: gate.waiting, release: () => gate.open() }
}

class Gate {
  readonly waiting = new Set<FaultyCall>()
  readonly reached: Promise<FaultyCall>
  readonly #reach: (call: FaultyCall) => void
  readonly #opened: Promise<void>
  readonly open: () => void

  constructor() {
    const { promise: reached, resolve: reach } = Promise.withResolvers<FaultyCall>()
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    this.reached = reached
    this.#reach = reach
    this.#opened = opened
    this.open = open
  }

  async wait(call: FaultyCall): Promise<void> {
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => reject(call.signal?.reason)
    call.signal?.throwIfAborted()
    call.signal?.addEventListener('abort', onAbort, { once: true })
    this.waiting.add(call)
    this.#reach(call)
    try {
      await Promise.race([this.#opened, aborted])
    } finally {
      this.waiting.delete(call)
      call.signal?.removeEventListener('abort', onAbort)
    }
  }
}
