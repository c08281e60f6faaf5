import { abortable, isErrnoException, StorageError } from '@caskade/core'
import type { GcsAuth } from '../gcs-bucket.ts'
import { TransientFailure } from './transient-failure.ts'

/** For how long headers are used again without asking, in milliseconds; tokens are renewed minutes before they expire. */
const FRESH_MS = 30_000

type AuthHeaders = Readonly<Record<string, string>>

/** Gives the headers that authorise requests, renewed in time, and once more when they are refused. */
export class TokenSource {
  readonly #auth: GcsAuth
  readonly #url: string
  readonly #timeoutMs: number
  #headers: AuthHeaders | undefined
  #freshUntil = 0
  #asking: Promise<AuthHeaders> | undefined

  constructor(auth: GcsAuth, url: string, timeoutMs: number) {
    this.#auth = auth
    this.#url = url
    this.#timeoutMs = timeoutMs
  }

  /** Resolves to the headers. Rejects with a `TransientFailure` when they may be had later, with `permission-denied` else. */
  async headers(signal: AbortSignal | undefined): Promise<AuthHeaders> {
    if (this.#headers !== undefined && performance.now() < this.#freshUntil) return this.#headers
    return abortable(this.#ask(), signal)
  }

  /** Has a token that was refused renewed. Does nothing when another is in use already. */
  async renew(refused: AuthHeaders, signal: AbortSignal | undefined): Promise<void> {
    if (this.#headers !== refused) return
    this.#headers = undefined
    const client = await abortable(this.#auth.getClient?.() ?? Promise.resolve(undefined), signal).catch(
      (error: unknown) => {
        signal?.throwIfAborted()
        throw tokenFailure(error)
      },
    )
    // As if it were about to expire: the next request for headers then gets a new one.
    if (typeof client?.credentials?.expiry_date === 'number') client.credentials.expiry_date = 1
  }

  #ask(): Promise<AuthHeaders> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #fetch(): Promise<AuthHeaders> {
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      const message = `Gcs: no token within ${this.#timeoutMs} ms (idleTimeoutMs)`
      reject(new TransientFailure(new StorageError('unavailable', message)))
    }, this.#timeoutMs)
    try {
      const headers = await Promise.race([this.#auth.getRequestHeaders(this.#url), tooLate])
      this.#headers = Object.fromEntries(headers)
      this.#freshUntil = performance.now() + FRESH_MS
      return this.#headers
    } catch (error) {
      throw error instanceof TransientFailure ? error : tokenFailure(error)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Describes why there is no token: the service for them is out of reach, or there are no credentials for it. */
function tokenFailure(error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error)
  const { status } = error as { readonly status?: unknown }
  const isOverloaded = typeof status === 'number' && (status === 429 || status >= 500)
  const isUnreachable = isErrnoException(error) && /^(E[A-Z_]+)$/.test(error.code ?? '')
  if (isOverloaded || isUnreachable) {
    return new TransientFailure(new StorageError('unavailable', `Gcs: no token: ${reason}`, { cause: error }))
  }
  return new StorageError('permission-denied', `Gcs: no token for the bucket: ${reason}`, { cause: error })
}
