import type { Digest, DigestFunction, SpoolBudget } from '@caskade/core'
import { createHasher, StorageError, WriteSession } from '@caskade/core'
import type { HttpExchange } from './http-exchange.ts'

/** How the body of a request is received. */
export interface ReceiveOptions {
  /** An existing folder for bodies that do not fit in memory. */
  readonly uploadDirectory: string
  /** What the files of all bodies on their way in may take. */
  readonly spoolBudget: SpoolBudget
  /** Longer bodies are refused, in bytes; before they are sent, where the client says how long they are. */
  readonly maxBytes: number
  readonly digestFunction?: DigestFunction | undefined
}

/** A body that was received whole. Disposing it removes what it took. */
export interface ReceivedBlob extends AsyncDisposable {
  readonly digest: Digest
  readonly source: WriteSession
}

/**
 * Receives the body of a request, hashing it on the way.
 *
 * @throws StorageError `too-large`, `unavailable` when all bodies together take too much; and the error of the connection when the
 * client goes away half-way. Nothing is left then.
 */
export async function receiveBlob(exchange: HttpExchange, options: ReceiveOptions): Promise<ReceivedBlob> {
  const { uploadDirectory, spoolBudget, maxBytes, digestFunction } = options
  assertAcceptedLength(exchange, maxBytes)
  const session = new WriteSession({ directory: uploadDirectory, spoolBudget, maxBytes, digestFunction })
  try {
    for await (const chunk of exchange.body()) await session.write(chunk)
    const digest = await session.finish()
    return { digest, source: session, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() }
  } catch (error) {
    await session[Symbol.asyncDispose]()
    throw error
  }
}

/**
 * Checks the length that a client announces.
 *
 * @throws StorageError `too-large` beyond `maxBytes`.
 */
export function assertAcceptedLength({ contentLength = 0 }: HttpExchange, maxBytes: number): void {
  if (contentLength <= maxBytes) return
  throw new StorageError('too-large', `the body has ${contentLength} bytes, at most ${maxBytes} are accepted`)
}

/** Reads the body of a request, keeping nothing but its hash. */
export async function hashBody(exchange: HttpExchange): Promise<string> {
  const hasher = createHasher()
  for await (const chunk of exchange.body()) hasher.update(chunk)
  return hasher.digest()
}
