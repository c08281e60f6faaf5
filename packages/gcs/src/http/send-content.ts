import type { ClientRequest } from 'node:http'
import type { HttpContent } from './http-call.ts'
import { stalledFailure } from './http-errors.ts'

/** What is handed to the socket at a time: small enough that each takes its way well within the idle timeout. */
const SLICE_BYTES = 256 * 1024

/** How content is sent. */
export interface Sending {
  readonly action: string
  /** Settles with the answer or with the end of the connection; either ends the sending. */
  readonly answered: Promise<unknown>
  readonly idleTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * Sends content as fast as the service takes it, then ends the request. Resolves early when an answer comes before all of
 * it was sent.
 *
 * The idle timeout counts only while the service takes nothing: a source may be as slow as it likes.
 */
export async function sendContent(request: ClientRequest, content: HttpContent, sending: Sending): Promise<void> {
  const { answered, signal } = sending
  let isOver = false
  const noteOver = (): void => {
    isOver = true
  }
  const over = answered.then(noteOver, noteOver)
  const leaving = new AbortController()
  const pieces = content.open(signal === undefined ? leaving.signal : AbortSignal.any([signal, leaving.signal]))
  try {
    for (;;) {
      const next = pieces.next()
      // Heard even when the answer comes first.
      next.catch(() => undefined)
      const result = await Promise.race([next, over])
      if (isOver || result === undefined) return
      if (result.done === true) break
      for (let at = 0; at < result.value.byteLength; at += SLICE_BYTES) {
        if (!request.write(result.value.subarray(at, at + SLICE_BYTES))) await drained(request, over, sending)
        if (isOver) return
      }
    }
    request.end()
  } finally {
    leaving.abort()
    await pieces.return().catch(() => undefined)
  }
}

async function drained(request: ClientRequest, over: Promise<void>, sending: Sending): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { action, idleTimeoutMs } = sending
  const timer = setTimeout(() => reject(stalledFailure(action, 'took nothing', idleTimeoutMs)), idleTimeoutMs)
  request.once('drain', resolve)
  try {
    await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
    request.off('drain', resolve)
  }
}
