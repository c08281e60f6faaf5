import { StorageError } from '@caskade/core'
import type { HttpExchange } from './http-exchange.ts'

/**
 * Reads the body of a request into memory.
 *
 * @throws StorageError `too-large` beyond `maxBytes`.
 */
export async function readBody(exchange: HttpExchange, maxBytes: number): Promise<Buffer> {
  assertLength(exchange.contentLength ?? 0, maxBytes)
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of exchange.body()) {
    sizeBytes += chunk.byteLength
    assertLength(sizeBytes, maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * Reads the body of a request as JSON.
 *
 * @throws StorageError `too-large` beyond `maxBytes`, `invalid-argument` when it is not JSON.
 */
export async function readJson(exchange: HttpExchange, maxBytes: number): Promise<unknown> {
  const body = await readBody(exchange, maxBytes)
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new StorageError('invalid-argument', 'the body is not JSON', { cause: error })
  }
}

function assertLength(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new StorageError('too-large', `the body exceeds ${maxBytes} bytes`)
}
