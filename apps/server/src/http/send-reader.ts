import { once } from 'node:events'
import type { BlobReader } from '@caskade/core'
import type { HttpExchange, ResponseHead } from './http-exchange.ts'

/**
 * Sends what a reader delivers as the body of a response, as fast as the client takes it. Rejects with what the reader breaks
 * off with; when the headers have left by then, all that remains is to end the connection, so that the body does not pass for
 * complete.
 */
export async function sendReader(
  { method, response, signal }: HttpExchange,
  reader: BlobReader,
  { status, headers }: ResponseHead,
): Promise<void> {
  await using owned = reader
  const chunks = owned[Symbol.asyncIterator]()
  // The first chunk before the headers: what fails by then can still be told as a status.
  const first = method === 'HEAD' ? undefined : await chunks.next()
  response.writeHead(status, { ...headers, 'content-length': owned.sizeBytes })
  if (first === undefined) {
    response.end()
    return
  }
  for (let next = first; next.done !== true; next = await chunks.next()) {
    if (!response.write(next.value)) await once(response, 'drain', { signal })
  }
  response.end()
}
