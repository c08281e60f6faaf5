import { randomUUID } from 'node:crypto'
import type { ByteRange, OperationOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { garbledFailure } from '../gcs-errors.ts'
import type { GcsStore } from '../gcs-store.ts'
import type { HttpAnswer } from '../http/http-answer.ts'
import { RetryState, retrying } from '../retrying.ts'

/** Which bytes of which object. */
export interface WantedContent extends ByteRange {
  readonly name: string
  /** How long the whole object is. */
  readonly sizeBytes: number
}

/** The object is there, and not as long as it should be. */
export class WrongSize extends Error {
  override readonly name = 'WrongSize'
}

/** The object went away before all of it was read, so that the rest cannot be had any more. */
export class RemovedMeanwhile extends StorageError {}

/**
 * Content on its way from the service. A body that breaks off goes on at the byte that it reached, in the same generation;
 * so does one whose connection was given up because nobody read it for a while.
 */
export class ObjectReading {
  readonly #store: GcsStore
  readonly #wanted: WantedContent
  readonly #leaving = new AbortController()
  readonly #signal: AbortSignal
  readonly #token = randomUUID()
  #generation: string | undefined
  #customTimeMs: number | undefined
  #answer: HttpAnswer | undefined
  #unreadTimer: NodeJS.Timeout | undefined
  #isDone = false

  constructor(store: GcsStore, wanted: WantedContent, { signal }: OperationOptions, generation?: string) {
    this.#store = store
    this.#wanted = wanted
    this.#signal = signal === undefined ? this.#leaving.signal : AbortSignal.any([signal, this.#leaving.signal])
    this.#generation = generation
  }

  /** The generation that is read, once it is open. */
  get generation(): string | undefined {
    return this.#generation
  }

  /** When the object's use was last recorded, where the service says so. */
  get customTimeMs(): number | undefined {
    return this.#customTimeMs
  }

  /** The checksum of the whole object, where the service says so. */
  get crc32c(): string | undefined {
    return /(?:^|,)\s*crc32c=([^,\s]+)/.exec(this.#answer?.header('x-goog-hash') ?? '')?.[1]
  }

  /**
   * Begins to read. Resolves to false when there is no such object.
   *
   * @throws {@link WrongSize} when it is there and has another length.
   */
  async open(): Promise<boolean> {
    const answer = await retrying(this.#store.settings, this.#signal, () => this.#request(this.#wanted.offset))
    if (answer === null) return false
    this.#answer = answer
    this.#generation ??= answer.header('x-goog-generation')
    const customTime = Date.parse(answer.header('x-goog-custom-time') ?? '')
    this.#customTimeMs = Number.isNaN(customTime) ? undefined : customTime
    this.#unreadTimer = setTimeout(() => this.#park(), this.#store.settings.idleTimeoutMs)
    return true
  }

  /** Ends the reading at once, whatever it waits for. */
  close(): void {
    clearTimeout(this.#unreadTimer)
    if (this.#isDone) return
    this.#leaving.abort()
    this.#answer?.close()
  }

  /** Delivers exactly the bytes that are wanted, or fails. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    const { offset, length } = this.#wanted
    const end = offset + length
    const retries = new RetryState(this.#store.settings)
    let at = offset
    clearTimeout(this.#unreadTimer)
    while (at < end) {
      let isParked = false
      try {
        this.#answer ??= await this.#resume(at)
        const answer = this.#answer
        for await (const chunk of answer.chunks()) {
          at += chunk.byteLength
          if (at > end) throw garbledFailure(`read ${this.#wanted.name}`, 'more bytes than were asked for')
          retries.reset()
          yield chunk
          isParked = answer.isParked
        }
        if (at < end) throw garbledFailure(`read ${this.#wanted.name}`, `it ended at byte ${at} of ${end}`)
      } catch (error) {
        isParked ||= this.#answer?.isParked === true
        this.#answer?.close()
        this.#answer = undefined
        this.#signal.throwIfAborted()
        if (at > end) throw new StorageError('unavailable', String(error), { cause: error })
        if (!isParked) await retries.failed(error, this.#signal)
      }
    }
    // An empty body must be read as well, or its connection is never free again.
    if (length === 0) await this.#answer?.text()
    this.#isDone = true
  }

  /** Gives up the connection of what nobody has begun to read; it is taken up again when somebody does. */
  #park(): void {
    if (this.#generation === undefined) return
    this.#answer?.close()
    this.#answer = undefined
  }

  async #resume(at: number): Promise<HttpAnswer> {
    const { name } = this.#wanted
    if (this.#generation === undefined) {
      throw new StorageError('unavailable', `Gcs: read ${name}: it broke off and cannot be taken up again`)
    }
    const answer = await this.#request(at)
    if (answer !== null) return answer
    throw new RemovedMeanwhile('unavailable', `Gcs: read ${name}: it was removed while it was read`)
  }

  async #request(at: number): Promise<HttpAnswer | null> {
    const { name, offset, length, sizeBytes } = this.#wanted
    const isWhole = at === 0 && offset + length === sizeBytes
    const lastByte = isWhole ? undefined : offset + length - 1
    const { access } = this.#store
    const generation = this.#generation
    const answer = await access.openMedia(name, {
      token: this.#token,
      offset: at,
      lastByte,
      generation,
      signal: this.#signal,
    })
    if (answer === null) return null
    const problem = problemOf(answer, this.#wanted, at, generation)
    if (problem === undefined) return answer
    await answer.text(64 * 1024).catch(() => undefined)
    if (await this.#hasRightSize()) throw garbledFailure(`read ${name}`, problem)
    throw new WrongSize()
  }

  /** A broken answer must not pass for an object of another size, so the service is asked for the size by itself. */
  async #hasRightSize(): Promise<boolean> {
    const facts = await this.#store.access.facts(this.#wanted.name, { signal: this.#signal })
    return facts === null || (facts.sizeBytes === this.#wanted.sizeBytes && !facts.isEncoded)
  }
}

/** What speaks against an answer being the bytes from `at` on; undefined when nothing does. */
function problemOf(
  answer: HttpAnswer,
  { offset, length, sizeBytes }: WantedContent,
  at: number,
  generation: string | undefined,
): string | undefined {
  const encoding = answer.header('content-encoding') ?? 'identity'
  if (encoding !== 'identity') return `it has the content encoding ${encoding}`
  const found = answer.header('x-goog-generation')
  if (generation !== undefined && found !== undefined && found !== generation) return `generation ${found}`
  const expectedLength = offset + length - at
  const contentLength = answer.header('content-length')
  if (contentLength !== undefined && Number(contentLength) !== expectedLength) return `${contentLength} bytes`
  if (answer.status === 200) return at === 0 && length === sizeBytes ? undefined : 'all of it instead of a part'
  const range = answer.header('content-range') ?? ''
  const isRight = answer.status === 206 && range === `bytes ${at}-${offset + length - 1}/${sizeBytes}`
  return isRight ? undefined : `status ${answer.status} with the range ${JSON.stringify(range)}`
}
