import { randomUUID } from 'node:crypto'
import type { OperationOptions } from '@caskade/core'
import type { GcsClient } from '../gcs-client.ts'
import { parseJson } from '../gcs-client.ts'
import type { HttpAnswer } from '../http/http-answer.ts'
import { retrying } from '../retrying.ts'
import type { ObjectFacts, ObjectResource } from './object-facts.ts'
import { FACT_FIELDS, factsOf } from './object-facts.ts'

/** Which bytes of an object, and of which of its generations. */
export interface MediaRange extends OperationOptions {
  /** The same for all attempts at one reading. */
  readonly token: string
  readonly offset: number
  /** The last byte that is wanted, or undefined for all that follow. */
  readonly lastByte?: number | undefined
  readonly generation?: string | undefined
}

/** One page of a list. */
export interface ObjectPage {
  readonly objects: readonly ObjectFacts[]
  readonly nextPageToken: string | undefined
}

/** Which generation of an object is removed, and who waits for it. */
export interface RemovalOptions extends OperationOptions {
  /** Default: whichever is there. */
  readonly generation?: string | undefined
  /** As that of a call: it never breaks off a removal that is on its way. */
  readonly patience?: AbortSignal | undefined
}

/** What became of a new `customTime`. */
export type TouchOutcome = 'done' | 'absent' | 'put-off'

/** The most names the service lists at once. */
const PAGE_SIZE = 1000

/** Everything that is done with objects of the bucket, except storing them. */
export class ObjectAccess {
  readonly #client: GcsClient

  constructor(client: GcsClient) {
    this.#client = client
  }

  /** Resolves to null when there is no such object. */
  async facts(name: string, { signal }: OperationOptions = {}): Promise<ObjectFacts | null> {
    const action = `look up ${name}`
    const token = randomUUID()
    return retrying(this.#client.settings, signal, async () => {
      const path = this.#client.objectPath(name, `fields=${FACT_FIELDS}`)
      const { status, text } = await this.#client.askOnce({
        action,
        token,
        method: 'GET',
        path,
        signal,
        accepted: [404],
      })
      if (status !== 404) return factsOf(parseJson<ObjectResource>(text, action), action)
      await this.#client.assertObjectMissing(text, name, { action, token, signal })
      return null
    })
  }

  /**
   * Begins to read content, once; null when there is no such object. The answer must be read or closed.
   *
   * Stored bytes come as they are stored: accepting gzip keeps the service from unpacking what others stored compressed.
   */
  async openMedia(
    name: string,
    { token, offset, lastByte, generation, signal }: MediaRange,
  ): Promise<HttpAnswer | null> {
    const action = `read ${name}`
    const query = `alt=media${generation === undefined ? '' : `&generation=${generation}`}`
    const isWhole = offset === 0 && lastByte === undefined
    const range = isWhole ? undefined : { range: `bytes=${offset}-${lastByte ?? ''}` }
    const answer = await this.#client.open({
      action,
      token,
      method: 'GET',
      path: this.#client.objectPath(name, query),
      headers: { 'accept-encoding': 'gzip', ...range },
      signal,
      accepted: [404, 416],
    })
    if (answer.status !== 404) return answer
    await this.#client.assertObjectMissing(await answer.text(), name, { action, token, signal })
    return null
  }

  /** Removes an object, or one generation of it and no other. Resolves to whether it was there. */
  async remove(name: string, { generation, patience, signal }: RemovalOptions = {}): Promise<boolean> {
    const action = `delete ${name}`
    const token = randomUUID()
    const query = generation === undefined ? '' : `ifGenerationMatch=${generation}`
    const path = this.#client.objectPath(name, query)
    // 412: the generation was replaced, which is as good as removed.
    const accepted = generation === undefined ? [404] : [404, 412]
    const { status, text } = await this.#client.ask({
      action,
      token,
      method: 'DELETE',
      path,
      signal,
      patience,
      accepted,
    })
    if (status === 404) await this.#client.assertObjectMissing(text, name, { action, token, signal })
    return status !== 404 && status !== 412
  }

  /** Records a use. What the service refuses because it has recorded a later one is done. */
  async touch(name: string, customTimeMs: number, { signal }: OperationOptions = {}): Promise<TouchOutcome> {
    const action = `touch ${name}`
    const token = randomUUID()
    const { status, text } = await this.#client.ask({
      action,
      token,
      method: 'PATCH',
      path: this.#client.objectPath(name, 'fields=customTime'),
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ customTime: new Date(customTimeMs).toISOString() })),
      signal,
      // Touched by many at once an object has too many updates for a second (429); one of them is enough.
      accepted: [400, 404, 412, 429],
    })
    if (status === 429) return 'put-off'
    if (status !== 404) return 'done'
    await this.#client.assertObjectMissing(text, name, { action, token, signal })
    return 'absent'
  }

  /** Lists objects whose names begin with the prefix, in the order of names. */
  async page(prefix: string, pageToken: string | undefined, { signal }: OperationOptions = {}): Promise<ObjectPage> {
    const action = `list ${prefix}`
    const token = randomUUID()
    const query =
      `prefix=${encodeURIComponent(prefix)}&maxResults=${PAGE_SIZE}&fields=nextPageToken,items(${FACT_FIELDS})` +
      (pageToken === undefined ? '' : `&pageToken=${encodeURIComponent(pageToken)}`)
    const path = this.#client.bucketPath('/o', query)
    return retrying(this.#client.settings, signal, async () => {
      const { text } = await this.#client.askOnce({ action, token, method: 'GET', path, signal })
      const { items = [], nextPageToken } = parseJson<{ items?: ObjectResource[]; nextPageToken?: string }>(
        text,
        action,
      )
      return { objects: items.map((item) => factsOf(item, action)), nextPageToken }
    })
  }
}
