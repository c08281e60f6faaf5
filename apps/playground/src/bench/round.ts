import type { BenchCase, Effort } from './cases.ts'
import { callsPerRound, callsWithOwnContent } from './cases.ts'
import type { Item } from './content.ts'
import { makeItems } from './content.ts'
import { operationOf } from './operations.ts'
import type { Subject } from './subject.ts'

/** How much one round did, and how long that took. */
export interface RoundResult {
  /** How many times what the figures are for was done: calls, or blobs of calls. */
  readonly count: number
  readonly wallMs: number
}

/** A round that has its content and waits for the start. */
export type PreparedRound = () => Promise<RoundResult>

/** What of a case all its rounds share. */
export class CaseRunner {
  readonly #subject: Subject
  readonly #case: BenchCase
  readonly #effort: Effort
  readonly #seed: number
  readonly #batch: number
  readonly #calls: number
  /** For so many calls there is content; then it repeats. */
  readonly #contents: number
  #stored: Item[] = []

  constructor(subject: Subject, benchCase: BenchCase, effort: Effort, seed: number) {
    const operation = operationOf(benchCase.operation)
    this.#subject = subject
    this.#case = benchCase
    this.#effort = effort
    this.#seed = seed
    this.#batch = operation.batch(benchCase.sizeBytes)
    this.#calls = callsPerRound(operation, benchCase.sizeBytes, effort)
    this.#contents = callsWithOwnContent(operation, benchCase.sizeBytes, effort)
  }

  /** Stores what the rounds will ask for. */
  async setUp(): Promise<void> {
    const { writes, storedPart } = operationOf(this.#case.operation)
    if (writes) return
    this.#stored = this.#makeItems('stored')
    const kept = this.#stored.filter((_, index) => index % 2 < storedPart * 2)
    const chunk = Math.max(Math.floor((16 * 1024 * 1024) / this.#case.sizeBytes), 1)
    for (let from = 0; from < kept.length; from += chunk) await this.#subject.bulkPut(kept.slice(from, from + chunk))
  }

  /** Makes the content of a round, which is no part of what is measured. Undefined when the subject cannot do the operation. */
  prepare(round: number): PreparedRound | undefined {
    const operation = operationOf(this.#case.operation)
    const call = operation.of(this.#subject)
    if (call === undefined) return undefined
    const items = operation.writes ? this.#makeItems(`round ${round}`) : this.#stored
    const batches = Array.from({ length: this.#contents }, (_, index) =>
      items.slice(index * this.#batch, (index + 1) * this.#batch),
    )
    const blobsPerCall = operation.per === 'blob' ? this.#batch : 1
    return async () => {
      const started = performance.now()
      const calls = await this.#run(started + this.#effort.roundMs, (index) =>
        call(batches[index % batches.length] ?? []),
      )
      return { count: calls * blobsPerCall, wallMs: performance.now() - started }
    }
  }

  #makeItems(label: string): Item[] {
    return makeItems(this.#seed, label, this.#contents * this.#batch, this.#case.sizeBytes)
  }

  /** Keeps so many calls under way until all are made or time is up; resolves to how many were made. */
  async #run(deadline: number, call: (index: number) => Promise<void>): Promise<number> {
    let next = 0
    const work = async (): Promise<void> => {
      while (next < this.#calls && (next === 0 || performance.now() < deadline)) await call(next++)
    }
    await Promise.all(Array.from({ length: Math.min(this.#case.concurrency, this.#calls) }, work))
    return next
  }
}
