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
export async function sendReader(exchange: HttpExchange, reader: BlobReader, head: ResponseHead): Promise<void> {
  await using owned = reader
  const { inMemory } = owned
  if (inMemory === undefined) {
    await sendChunks(exchange, owned, head)
  } else {
    exchange.signal.throwIfAborted()
    exchange.response.writeHead(head.status, { ...head.headers, 'content-length': owned.sizeBytes })
    exchange.endWith(inMemory)
  }
  // The reader is not disposed before the client has it all: until then it takes memory.
  if ((exchange.response.socket?.writableLength ?? 0) > 0) await exchange.departure()
}

async function sendChunks(
  exchange: HttpExchange,
  reader: BlobReader,
  { status, headers }: ResponseHead,
): Promise<void> {
  const { response, signal, buffers } = exchange
  const chunks = reader[Symbol.asyncIterator]()
  // The first chunk before the headers: what fails by then can still be told as a status.
  let next = await chunks.next()
  response.writeHead(status, { ...headers, 'content-length': reader.sizeBytes })
  let rest = reader.sizeBytes
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
  exchange.endWith(next.done === true ? undefined : next.value)
}
