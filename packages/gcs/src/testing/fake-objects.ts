import { createHash } from 'node:crypto'
import { crc32cOf } from '../crc32c.ts'

/** An object of the fake. */
export interface FakeObject {
  readonly name: string
  readonly content: Buffer
  readonly generation: bigint
  readonly metageneration: number
  readonly crc32c: string
  readonly timeCreated: string
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly customTime?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** What may be said of an object when it is created. */
export interface FakeMetadata {
  readonly name?: string | undefined
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  readonly customTime?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly crc32c?: string | undefined
  readonly md5Hash?: string | undefined
}

/** A request that is refused. */
export class FakeRefusal extends Error {
  override readonly name = 'FakeRefusal'
  readonly status: number
  readonly reason: string

  constructor(status: number, message: string, reason = '') {
    super(message)
    this.status = status
    this.reason = reason
  }
}

/** The objects of a bucket, with their generations and preconditions. */
export class FakeObjects {
  readonly bucketName: string
  readonly #objects = new Map<string, FakeObject>()
  #lastGeneration = 1_700_000_000_000_000n

  constructor(bucketName: string) {
    this.bucketName = bucketName
  }

  get all(): readonly FakeObject[] {
    return [...this.#objects.values()]
  }

  find(name: string): FakeObject | undefined {
    return this.#objects.get(name)
  }

  /** The object, in the generation that is asked for. */
  get(name: string, query: URLSearchParams): FakeObject {
    const object = this.#objects.get(name)
    const generation = query.get('generation')
    if (object === undefined || (generation !== null && BigInt(generation) !== object.generation)) {
      throw new FakeRefusal(404, `No such object: ${this.bucketName}/${name}`, 'notFound')
    }
    this.assertPreconditions(object, query)
    return object
  }

  create(name: string, content: Buffer, metadata: FakeMetadata, query: URLSearchParams): FakeObject {
    this.assertPreconditions(this.#objects.get(name), query)
    const crc32c = crc32cOf(content)
    if (metadata.crc32c !== undefined && metadata.crc32c !== crc32c) {
      throw new FakeRefusal(400, `Provided CRC32C "${metadata.crc32c}" doesn't match calculated CRC32C "${crc32c}".`)
    }
    const md5Hash = createHash('md5').update(content).digest('base64')
    if (metadata.md5Hash !== undefined && metadata.md5Hash !== md5Hash) {
      throw new FakeRefusal(
        400,
        `Provided MD5 hash "${metadata.md5Hash}" doesn't match calculated MD5 hash "${md5Hash}".`,
      )
    }
    return this.replace(name, { ...metadata, content })
  }

  /** Puts an object there, without any check. */
  replace(name: string, object: FakeMetadata & { readonly content: Buffer }): FakeObject {
    this.#lastGeneration += 1n
    const { content, contentType, contentEncoding, customTime, metadata } = object
    const created: FakeObject = {
      name,
      content,
      contentType,
      contentEncoding,
      customTime,
      metadata,
      generation: this.#lastGeneration,
      metageneration: 1,
      crc32c: crc32cOf(content),
      timeCreated: new Date().toISOString(),
    }
    this.#objects.set(name, created)
    return created
  }

  patch(name: string, change: FakeMetadata, query: URLSearchParams): FakeObject {
    const object = this.get(name, query)
    const { customTime } = change
    if (object.customTime !== undefined && customTime !== undefined && customTime < object.customTime) {
      throw new FakeRefusal(400, 'Custom time cannot be set to an earlier time.', 'invalid')
    }
    const metageneration = object.metageneration + 1
    const patched = { ...object, customTime: customTime ?? object.customTime, metageneration }
    this.#objects.set(name, patched)
    return patched
  }

  remove(name: string, query: URLSearchParams): void {
    this.get(name, query)
    this.#objects.delete(name)
  }

  /** Changes the content of an object behind the back of everybody, as nothing but a fault could. */
  damage(name: string, change: (content: Buffer) => Buffer): void {
    const object = this.#objects.get(name)
    if (object === undefined) throw new Error(`there is no object ${name}`)
    const content = change(Buffer.from(object.content))
    this.#objects.set(name, { ...object, content, crc32c: crc32cOf(content) })
  }

  clear(): void {
    this.#objects.clear()
  }

  delete(name: string): void {
    this.#objects.delete(name)
  }

  list(query: URLSearchParams): { readonly items: readonly FakeObject[]; readonly nextPageToken?: string } {
    const prefix = query.get('prefix') ?? ''
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64').toString()
    const maxResults = Math.min(Number(query.get('maxResults') ?? 1000), 1000)
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix) && name > after).toSorted()
    const items = names.slice(0, maxResults).flatMap((name) => this.#objects.get(name) ?? [])
    if (names.length <= maxResults) return { items }
    return { items, nextPageToken: Buffer.from(items.at(-1)?.name ?? '').toString('base64') }
  }

  /** Refuses with 412 unless the object fits what the query wants of it. */
  assertPreconditions(object: FakeObject | undefined, query: URLSearchParams): void {
    const wanted = query.get('ifGenerationMatch')
    if (wanted === null || BigInt(wanted) === (object?.generation ?? 0n)) return
    throw new FakeRefusal(412, 'At least one of the pre-conditions you specified did not hold.', 'conditionNotMet')
  }
}

/** An object as the JSON API describes it. */
export function resourceOf(bucket: string, object: FakeObject): Record<string, unknown> {
  const { content, generation, metageneration, ...rest } = object
  return {
    kind: 'storage#object',
    bucket,
    ...rest,
    size: String(content.byteLength),
    generation: String(generation),
    metageneration: String(metageneration),
  }
}
