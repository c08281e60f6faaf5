import type { TestBlob } from '../test-blob.ts'
import type { BlobEvent } from './linearizability.ts'
import { isLinearizable } from './linearizability.ts'
import { shortName } from './short-name.ts'

/** Writes down what clients do to blobs and learn about them, and when. */
export class BlobLog {
  readonly #events: ReadonlyMap<TestBlob, BlobEvent[]>
  #time = 0

  constructor(blobs: readonly TestBlob[]) {
    this.#events = new Map(blobs.map((blob) => [blob, []]))
  }

  /**
   * Runs an operation about several blobs; `learn` tells of each what the operation's result says about it. A failure
   * is the caller's, and leaves no event.
   */
  async note<Result>(
    blobs: readonly TestBlob[],
    operation: () => Promise<Result>,
    learn: (result: Result, blob: TestBlob) => BlobEvent['kind'],
  ): Promise<Result> {
    const start = this.#tick()
    const result = await operation()
    const end = this.#tick()
    for (const blob of blobs) this.#events.get(blob)?.push({ kind: learn(result, blob), start, end })
    return result
  }

  /** Runs a write that may be given up; `operation` tells whether it was done. */
  async noteGivenUp(blob: TestBlob, operation: () => Promise<boolean>): Promise<void> {
    const start = this.#tick()
    const isDone = await operation()
    this.#events.get(blob)?.push({ kind: 'write', start, end: isDone ? this.#tick() : Infinity })
  }

  /** The blobs whose events no order explains, each with its events. */
  unexplained(): string[] {
    return [...this.#events]
      .filter(([, events]) => !isLinearizable(events))
      .map(([blob, events]) => `${shortName(blob)}: ${events.map(describeEvent).join(', ')}`)
  }

  #tick(): number {
    this.#time += 1
    return this.#time
  }
}

function describeEvent({ kind, start, end }: BlobEvent): string {
  return `${kind} from ${start} to ${end}`
}
