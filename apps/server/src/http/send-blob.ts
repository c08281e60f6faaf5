import { once } from 'node:events'
import type { BlobReader } from '@caskade/core'
import type { HttpExchange } from './http-exchange.ts'

/** Sends a blob as the body of a response, as fast as the client takes it. Ends the connection when the blob breaks off. */
export async function sendBlob(exchange: HttpExchange, reader: BlobReader, contentType: string): Promise<void> {
  await using owned = reader
  const { response, signal } = exchange
  const chunks = owned[Symbol.asyncIterator]()
  // The first chunk before the headers: what fails by then can still be told as a status.
  const first = exchange.method === 'HEAD' ? undefined : await chunks.next()
  response.writeHead(200, { 'content-type': contentType, 'content-length': owned.sizeBytes })
  if (first === undefined) {
    response.end()
    return
  }
  try {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      if (!response.write(next.value)) await once(response, 'drain', { signal })
    }
    response.end()
  } catch {
    // The status is sent: all that is left is not to pretend that the body is complete.
    response.destroy()
  }
}
