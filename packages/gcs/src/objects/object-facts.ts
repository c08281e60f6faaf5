import { garbledFailure } from '../gcs-errors.ts'

/** What the service knows of an object. */
export interface ObjectFacts {
  readonly name: string
  readonly sizeBytes: number
  /** Which of the contents that this name ever had; an object is never changed, only replaced. */
  readonly generation: string
  /** When it was last used, as far as that was recorded, in milliseconds since 1970. */
  readonly customTimeMs?: number | undefined
  readonly crc32c?: string | undefined
  /** The size that it was written with; another than `sizeBytes` when somebody damaged it. */
  readonly declaredSizeBytes?: number | undefined
  /** Which write it comes from. */
  readonly writeId?: string | undefined
  /** Somebody else put it there compressed (`contentEncoding`), so that its size and content are not those of a blob. */
  readonly isEncoded: boolean
}

/** An object as the JSON API describes it (https://cloud.google.com/storage/docs/json_api/v1/objects). */
export interface ObjectResource {
  readonly name?: unknown
  readonly size?: unknown
  readonly generation?: unknown
  readonly customTime?: unknown
  readonly crc32c?: unknown
  readonly contentEncoding?: unknown
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** The fields that {@link factsOf} reads. */
export const FACT_FIELDS = 'name,size,generation,customTime,crc32c,contentEncoding,metadata'

/** The custom metadata of objects. */
export const METADATA = { sizeBytes: 'caskade-size', writeId: 'caskade-write' } as const

/** Reads what the service says of an object. Fails with a `TransientFailure` when it makes no sense. */
export function factsOf(resource: ObjectResource, action: string): ObjectFacts {
  const { name, size, generation, customTime, crc32c, contentEncoding, metadata } = resource
  const sizeBytes = Number(size)
  const isRight = typeof name === 'string' && /^\d+$/.test(String(size)) && /^\d+$/.test(String(generation))
  if (!isRight || !Number.isSafeInteger(sizeBytes)) throw garbledFailure(action, JSON.stringify(resource).slice(0, 100))
  const customTimeMs = typeof customTime === 'string' ? Date.parse(customTime) : Number.NaN
  const declared = metadata?.[METADATA.sizeBytes]
  const writeId = metadata?.[METADATA.writeId]
  return {
    name,
    sizeBytes,
    generation: String(generation),
    customTimeMs: Number.isNaN(customTimeMs) ? undefined : customTimeMs,
    crc32c: typeof crc32c === 'string' ? crc32c : undefined,
    declaredSizeBytes: typeof declared === 'string' && /^\d+$/.test(declared) ? Number(declared) : undefined,
    writeId: typeof writeId === 'string' ? writeId : undefined,
    isEncoded: typeof contentEncoding === 'string' && contentEncoding !== '' && contentEncoding !== 'identity',
  }
}
