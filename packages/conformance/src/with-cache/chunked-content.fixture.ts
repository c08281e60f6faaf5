import type { FaultPlan } from '../index.ts'
import { on } from '../index.ts'

/** How much a chunk of the fallback holds, in bytes. */
export const CHUNK_BYTES: number = 64 * 1024

/** Delivers content in chunks of 64 KiB, waiting before those that have a gate. */
export function inChunks(gates: Readonly<Record<number, Promise<void>>> = {}, onEnd?: () => void): FaultPlan {
  return on('getBlob', {
    async *content(chunks) {
      try {
        let number = 0
        for await (const chunk of chunks) {
          for (let at = 0; at < chunk.byteLength; at += CHUNK_BYTES) {
            if (gates[number] !== undefined) reachedGate.resolve()
            await gates[number++]
            yield chunk.subarray(at, at + CHUNK_BYTES)
          }
        }
      } finally {
        onEnd?.()
      }
    },
  })
}

/** Has another plan meet content in chunks of 64 KiB. */
export function withChunks(plan: FaultPlan, gates?: Readonly<Record<number, Promise<void>>>): FaultPlan {
  const { content } = inChunks(gates)
  return { ...plan, content: (chunks, call) => plan.content?.(content?.(chunks, call) ?? chunks, call) ?? chunks }
}

let reachedGate = Promise.withResolvers<void>()

/** Waits until the fallback waits at a gate. */
export async function fallbackReached(): Promise<void> {
  await reachedGate.promise
  reachedGate = Promise.withResolvers()
}
