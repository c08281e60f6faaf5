import { randomUUID } from 'node:crypto'
import type { BlobSource, Digest } from '@caskade/core'
import { StorageError } from '@caskade/core'
import type { GcsAnswer } from '../gcs-client.ts'
import { garbledFailure } from '../gcs-errors.ts'
import { RetryState, retrying } from '../retrying.ts'
import { HashedSource } from './hashed-source.ts'
import { SourceCursor } from './source-cursor.ts'
import type { NewObject, UploadOutcome, UploadTools } from './upload.ts'
import { metadataJson, uploadQuery, verifyCreated } from './upload.ts'

/** How often an upload begins anew because the service has forgotten what it had of it. */
const MAX_SESSIONS = 3

/** What the service says of a session: more is wanted, it is complete, the object is there already, or it is unknown. */
type Progress = Wanted | Complete | { readonly state: 'exists' } | { readonly state: 'lost' }

interface Wanted {
  readonly state: 'wanted'
  readonly offset: number
}

interface Complete {
  readonly state: 'complete'
  readonly text: string
}

const ACCEPTED = [308, 404, 410, 412]

/**
 * Creates an object of a large source in chunks, so that after a failure only what the service does not have yet is sent
 * again (https://cloud.google.com/storage/docs/performing-resumable-uploads). Nothing of it is kept in memory: what must be
 * sent again is read again.
 */
export class ResumableUpload {
  readonly #tools: UploadTools
  readonly #object: NewObject
  readonly #source: HashedSource
  readonly #token = randomUUID()
  #isAmbiguous = false

  constructor(tools: UploadTools, object: NewObject, source: BlobSource, digest: Digest) {
    this.#tools = tools
    this.#object = object
    this.#source = new HashedSource(source, digest)
  }

  async run(): Promise<UploadOutcome> {
    for (let session = 1; session <= MAX_SESSIONS; session++) {
      const path = await this.#begin()
      if (path === undefined) return { isCreated: false, crc32c: this.#source.crc32c, isAmbiguous: this.#isAmbiguous }
      const outcome = await this.#send(path)
      if (outcome !== undefined) return outcome
    }
    throw new StorageError('unavailable', `Gcs: ${this.#object.action}: the service lost the upload repeatedly`)
  }

  /** Resolves to the path of a new session, or to undefined when the object is there already. */
  async #begin(): Promise<string | undefined> {
    const { action, signal, sizeBytes } = this.#object
    const { client } = this.#tools
    const answer = await client.ask({
      action,
      token: randomUUID(),
      method: 'POST',
      path: client.uploadPath(uploadQuery('resumable', this.#object)),
      headers: {
        'content-type': 'application/json; charset=UTF-8',
        'x-upload-content-type': 'application/octet-stream',
        'x-upload-content-length': String(sizeBytes),
      },
      body: Buffer.from(metadataJson(this.#tools, this.#object)),
      signal,
      accepted: [412],
    })
    if (answer.status === 412) return undefined
    const location = answer.header('location')
    const { apiEndpoint } = client.settings.bucket.storage
    if (location === undefined || !URL.canParse(location, apiEndpoint)) {
      throw garbledFailure(action, 'no Location for the upload').error
    }
    // Always at the endpoint that was configured: emulators and proxies are known to name another host.
    const { pathname, search } = new URL(location, apiEndpoint)
    return pathname + search
  }

  /** Sends all that the session lacks; resolves to undefined when the service has forgotten the session. */
  async #send(path: string): Promise<UploadOutcome | undefined> {
    const { signal } = this.#object
    const retries = new RetryState(this.#tools.client.settings)
    await using cursor = new SourceCursor(this.#source, signal)
    let progress: Progress = { state: 'wanted', offset: 0 }
    for (;;) {
      if (progress.state === 'lost') return undefined
      if (progress.state === 'exists') {
        return { isCreated: false, crc32c: this.#source.crc32c, isAmbiguous: this.#isAmbiguous }
      }
      try {
        if (progress.state === 'complete') return await this.#verified(progress)
        progress = await this.#sendChunk(path, cursor, progress.offset)
        retries.reset()
      } catch (failure) {
        await retries.failed(failure, signal)
        this.#isAmbiguous = true
        // What was stored wrongly was removed, and the session ended with it.
        if (progress.state === 'complete') return undefined
        progress = await this.#query(path)
      }
    }
  }

  async #verified({ text }: Complete): Promise<UploadOutcome> {
    const { crc32c } = this.#source
    await verifyCreated(this.#tools, this.#object, crc32c, text)
    return { isCreated: true, crc32c }
  }

  async #sendChunk(path: string, cursor: SourceCursor, offset: number): Promise<Progress> {
    const { action, signal, sizeBytes } = this.#object
    const { client } = this.#tools
    const length = Math.min(client.settings.uploadChunkBytes, sizeBytes - offset)
    const answer = await client.askOnce({
      action,
      token: this.#token,
      method: 'PUT',
      path,
      headers: { 'content-range': `bytes ${offset}-${offset + length - 1}/${sizeBytes}` },
      body: { lengthBytes: length, open: (leaving) => cursor.take(offset, length, leaving) },
      signal,
      accepted: ACCEPTED,
    })
    const progress = this.#progressOf(answer)
    if (progress.state !== 'wanted' || progress.offset > offset) return progress
    throw garbledFailure(action, `nothing was taken of the bytes from ${offset} on`)
  }

  /** Asks how much the service has. */
  async #query(path: string): Promise<Progress> {
    const { action, signal, sizeBytes } = this.#object
    const headers = { 'content-range': `bytes */${sizeBytes}` }
    const { client } = this.#tools
    const call = { action, token: randomUUID(), method: 'PUT', path, headers, signal, accepted: ACCEPTED } as const
    return retrying(client.settings, signal, async () => this.#progressOf(await client.askOnce(call)))
  }

  #progressOf({ status, text, header }: GcsAnswer): Progress {
    if (status === 412) return { state: 'exists' }
    if (status === 404 || status === 410) return { state: 'lost' }
    if (status !== 308) return { state: 'complete', text }
    const range = header('range')
    if (range === undefined) return { state: 'wanted', offset: 0 }
    const offset = Number(/^bytes=0-(\d+)$/.exec(range)?.[1]) + 1
    if (offset > 0 && offset < this.#object.sizeBytes) return { state: 'wanted', offset }
    throw garbledFailure(this.#object.action, `it has ${range} of ${this.#object.sizeBytes} bytes and wants more`)
  }
}
