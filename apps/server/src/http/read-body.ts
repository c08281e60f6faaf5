import { StorageError } from '@caskade/core'
import type { FrontendContext } from '../frontends/http-frontend.ts'
import type { HttpExchange } from './http-exchange.ts'
import { receiveBlob } from './receive-blob.ts'

/** How much more than its bytes a message takes once it is decoded. */
const DECODED_FACTOR = 8

/** A body in memory. Disposing it says that what was made of it is no longer needed either. */
export interface BodyInMemory extends Disposable {
  readonly bytes: Uint8Array
}

/**
 * Reads the body of a request into memory, once all of it is here and there is room: a client that never ends sending, or many
 * at once, take none of it.
 *
 * @throws StorageError `too-large` beyond `maxBytes`.
 */
export async function readBody(
  exchange: HttpExchange,
  { uploadDirectory, spoolBudget, bodyBudget }: FrontendContext,
  maxBytes: number,
): Promise<BodyInMemory> {
  await using received = await receiveBlob(exchange, { uploadDirectory, spoolBudget, maxBytes })
  const release = await bodyBudget.acquire(received.digest.sizeBytes * DECODED_FACTOR, exchange)
  try {
    return { bytes: await received.source.open().bytes(), [Symbol.dispose]: release }
  } catch (error) {
    release()
    throw error
  }
}

/**
 * Reads the body of a request as JSON.
 *
 * @throws StorageError `too-large` beyond `maxBytes`, `invalid-argument` when it is not JSON.
 */
export async function readJson(exchange: HttpExchange, context: FrontendContext, maxBytes: number): Promise<unknown> {
  using body = await readBody(exchange, context, maxBytes)
  try {
    return JSON.parse(Buffer.from(body.bytes).toString('utf8'))
  } catch (error) {
    throw new StorageError('invalid-argument', 'the body is not JSON', { cause: error })
  }
}
