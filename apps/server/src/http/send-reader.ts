import { once } from 'node:events'
import type { BlobReader } from '@caskade/core'
import type { HttpExchange, ResponseHead } from './http-exchange.ts'

/**
 * Sends what a reader delivers as the body of a response, as fast as the client takes it. Rejects with what the reader breaks
 * off with; when the headers have left by then, all that remains is to end the connection, so that the body does not pass for
 * complete.
 *
 * Buffers of the exchange are given back once they have left.
 */
export async function sendReader(
  { response, signal, buffers }: HttpExchange,
  reader: BlobReader,
  { status, headers }: ResponseHead,
): Promise<void> {
  await using owned = reader
  const chunks = owned[Symbol.asyncIterator]()
  // The first chunk before the headers: what fails by then can still be told as a status.
  let next = await chunks.next()
  response.writeHead(status, { ...headers, 'content-length': owned.sizeBytes })
  let rest = owned.sizeBytes
  while (next.done !== true && next.value.byteLength < rest) {
    const chunk = next.value
    rest -= chunk.byteLength
    const isTaken = response.write(chunk, (error) => {
      if (!error) buffers.giveBack(chunk)
    })
    if (!isTaken) await once(response, 'drain', { signal })
    next = await chunks.next()
  }
  // The last chunk together with the end, and all that is short together with the headers: each write is a call of the system.
  const last = next.done === true ? undefined : next.value
  response.end(last, (error?: Error | null) => {
    if (!error && last !== undefined) buffers.giveBack(last)
  })
  // The reader is not disposed before the client has it all: until then it takes memory.
  if ((response.socket?.writableLength ?? 0) > 0) await once(response, 'finish', { signal })
}
