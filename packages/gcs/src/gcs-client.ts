import { Lifecycle } from '@caskade/core'
import { bucketMissingError, garbledFailure, missingThing, refusalError } from './gcs-errors.ts'
import type { GcsSettings } from './gcs-options.ts'
import type { HttpAnswer } from './http/http-answer.ts'
import type { HttpCall } from './http/http-call.ts'
import { HttpTransport } from './http/http-transport.ts'
import { TokenSource } from './http/token-source.ts'
import { retrying } from './retrying.ts'

/** A request to the service. */
export interface GcsCall extends HttpCall {
  /** The same for all attempts at one thing, and for nothing else. The service's own clients send it as well. */
  readonly token: string
  /** Statuses that are answers, besides those from 200 to 299. */
  readonly accepted?: readonly number[] | undefined
}

/** An answer that was read. */
export interface GcsAnswer {
  readonly status: number
  readonly text: string
  readonly header: (name: string) => string | undefined
}

/** How much of the body of a refusal is read. */
const MAX_REFUSAL_BYTES = 64 * 1024

/** For how long the bucket is known to be there, in milliseconds, where the service does not tell it from an object. */
const BUCKET_KNOWN_MS = 60_000

/** Talks to one bucket: adds what every request needs, and says what its refusals mean. */
export class GcsClient extends Lifecycle {
  readonly settings: GcsSettings
  readonly #transport: HttpTransport
  readonly #credentials: TokenSource | undefined
  readonly #userProject: string
  #bucketKnownUntil = 0

  constructor(settings: GcsSettings) {
    super()
    this.settings = settings
    const { bucket, maxConnections, idleTimeoutMs } = settings
    const { apiEndpoint, customEndpoint, useAuthWithCustomEndpoint, authClient } = bucket.storage
    this.#transport = new HttpTransport({ endpoint: apiEndpoint, maxConnections, idleTimeoutMs })
    const isAnonymous = customEndpoint === true && useAuthWithCustomEndpoint !== true
    this.#credentials = isAnonymous ? undefined : new TokenSource(authClient, apiEndpoint, idleTimeoutMs)
    const { userProject } = bucket
    this.#userProject = userProject === undefined ? '' : `&userProject=${encodeURIComponent(userProject)}`
  }

  protected override async onStop(): Promise<void> {
    this.#transport.close()
  }

  /** The path of an object. The name is encoded whole: a slash in it is none of the path. */
  objectPath(name: string, query: string): string {
    return this.bucketPath(`/o/${encodeURIComponent(name)}`, query)
  }

  /** A path below that of the bucket. */
  bucketPath(below: string, query: string): string {
    return `/storage/v1/b/${encodeURIComponent(this.settings.bucket.name)}${below}?${query}${this.#userProject}`
  }

  /** The path under which objects are uploaded. */
  uploadPath(query: string): string {
    return `/upload${this.bucketPath('/o', query)}`
  }

  /** Does a request that may safely happen twice, as often as it takes. */
  async ask(call: GcsCall): Promise<GcsAnswer> {
    return retrying(this.settings, call.patience ?? call.signal, () => this.askOnce(call))
  }

  /** Does a request once and reads the answer. Fails with a `TransientFailure` when it may work another time. */
  async askOnce(call: GcsCall): Promise<GcsAnswer> {
    const answer = await this.open(call)
    const text = await answer.text()
    return { status: answer.status, text, header: (name) => answer.header(name) }
  }

  /** Does a request once; the answer must be read or closed. Fails as {@link askOnce} does. */
  async open(call: GcsCall): Promise<HttpAnswer> {
    this.assertRunning(call.patience ?? call.signal)
    const answer = await this.#exchange(call)
    const { status } = answer
    if ((status >= 200 && status < 300) || call.accepted?.includes(status) === true) return answer
    const text = await answer.text(MAX_REFUSAL_BYTES)
    const refusal = { status, text, retryAfter: answer.header('retry-after') }
    throw refusalError(refusal, call.action, this.settings.now)
  }

  /**
   * Settles what a 404 means for an object: returns when it is the object that is not there.
   *
   * @throws StorageError `unknown` when it is the bucket.
   */
  async assertObjectMissing(
    text: string,
    name: string,
    call: Pick<GcsCall, 'action' | 'signal' | 'token'>,
  ): Promise<void> {
    const missing = missingThing(text, name)
    if (missing === 'object') return
    if (missing === 'unclear') {
      if (performance.now() < this.#bucketKnownUntil) return
      const path = this.bucketPath('/o', 'maxResults=1&fields=kind')
      const { status } = await this.ask({ ...call, method: 'GET', path, accepted: [404] })
      if (status !== 404) {
        this.#bucketKnownUntil = performance.now() + BUCKET_KNOWN_MS
        return
      }
    }
    throw bucketMissingError(call.action, this.settings.bucket.name)
  }

  async #exchange(call: GcsCall): Promise<HttpAnswer> {
    const credentials = this.#credentials
    const patience = call.patience ?? call.signal
    const exchange = (more: Readonly<Record<string, string>> | undefined): Promise<HttpAnswer> => {
      const headers = { ...call.headers, 'x-goog-gcs-idempotency-token': call.token, ...more }
      return this.#transport.exchange({ ...call, headers })
    }
    if (credentials === undefined) return exchange(undefined)
    const authorization = await credentials.headers(patience)
    const answer = await exchange(authorization)
    if (answer.status !== 401) return answer
    await answer.text(MAX_REFUSAL_BYTES)
    await credentials.renew(authorization, patience)
    return exchange(await credentials.headers(patience))
  }
}

/** Reads the JSON of an answer; a `TransientFailure` when it is none. */
export function parseJson<Shape>(text: string, action: string): Shape {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Shape
  } catch {
    // Described below, like JSON that is no object.
  }
  throw garbledFailure(action, text.slice(0, 100))
}
