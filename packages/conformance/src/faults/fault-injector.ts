import type { BlobReader } from '@caskade/core'
import { uncheckedReader } from '../unchecked-reader.ts'
import type { FaultPlan, FaultyCall, FaultyMethod } from './fault-plan.ts'

/** Counts calls, and has a plan interfere with them: what faulty storages and faulty action caches share. */
export class FaultInjector<Method extends FaultyMethod> {
  plan: FaultPlan
  readonly #counts = new Map<Method, number>()

  constructor(plan: FaultPlan) {
    this.plan = plan
  }

  /** How often each operation was called; those that never were are not in it. */
  get calls(): Partial<Record<Method, number>> {
    return Object.fromEntries(this.#counts) as Partial<Record<Method, number>>
  }

  forgetCalls(): void {
    this.#counts.clear()
  }

  /** Notes a call, which the present plan interferes with to its end. */
  begin(method: Method, names: readonly string[], signal: AbortSignal | undefined): PlannedCall {
    const number = (this.#counts.get(method) ?? 0) + 1
    this.#counts.set(method, number)
    return new PlannedCall(this.plan, { method, number, names, signal })
  }
}

/** A call and the plan that it began under. */
class PlannedCall {
  readonly #plan: FaultPlan
  readonly #call: FaultyCall

  constructor(plan: FaultPlan, call: FaultyCall) {
    this.#plan = plan
    this.#call = call
  }

  /** Runs the operation, as far as the plan lets it. */
  async run<Result>(operation: () => Promise<Result>): Promise<Result> {
    await this.#plan.before?.(this.#call)
    const result = await operation()
    await this.#plan.after?.(this.#call)
    return result
  }

  /** Has the plan replace what a reader delivers. */
  replaceReader(reader: BlobReader): BlobReader {
    const content = this.#plan.content?.(reader, this.#call)
    if (content === undefined || content === reader) return reader
    return uncheckedReader(reader.sizeBytes, content, () => reader[Symbol.asyncDispose]())
  }

  /** Has the plan replace content that is there as a whole. */
  async replaceBytes(bytes: Uint8Array): Promise<Uint8Array> {
    const content = this.#plan.content?.(asChunks(bytes), this.#call)
    return content === undefined ? bytes : Buffer.concat(await Array.fromAsync(content))
  }
}

async function* asChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}
