import type { OperationOptions } from '@caskade/core'
import { garbledFailure } from '../gcs-errors.ts'
import type { GcsClient } from '../gcs-client.ts'
import { parseJson } from '../gcs-client.ts'
import type { ObjectAccess } from '../objects/object-access.ts'
import type { ObjectFacts, ObjectResource } from '../objects/object-facts.ts'
import { FACT_FIELDS, factsOf, METADATA } from '../objects/object-facts.ts'

/** What uploads work with. */
export interface UploadTools {
  readonly client: GcsClient
  readonly access: ObjectAccess
}

/** An object that is to be created. */
export interface NewObject extends OperationOptions {
  readonly name: string
  /** What the upload is for; begins the messages of errors. */
  readonly action: string
  readonly sizeBytes: number
  /** Create it only if there is none of this name; else one that is there is replaced. */
  readonly ifAbsent: boolean
  /** The checksum, where it is known beforehand: the service then refuses anything else. */
  readonly crc32c?: string | undefined
  /** Tells this write from others. */
  readonly writeId?: string | undefined
  /** As that of a call: it never breaks off an upload that is on its way. */
  readonly patience?: AbortSignal | undefined
}

/** What became of an upload. */
export interface UploadOutcome {
  /** False: there is an object of this name already, and it was left as it is. */
  readonly isCreated: boolean
  /** The checksum of what was uploaded, where all of it was read. */
  readonly crc32c?: string | undefined
  /** An earlier attempt may have created the object that is there. */
  readonly isAmbiguous?: boolean | undefined
}

/** The query of an upload: what kind, under which condition, and what the answer says. */
export function uploadQuery(uploadType: 'multipart' | 'resumable', { ifAbsent }: NewObject): string {
  return `uploadType=${uploadType}&fields=${FACT_FIELDS}${ifAbsent ? '&ifGenerationMatch=0' : ''}`
}

/** The metadata of a new object, as JSON. */
export function metadataJson({ client }: UploadTools, { name, sizeBytes, crc32c, writeId }: NewObject): string {
  return JSON.stringify({
    name,
    contentType: 'application/octet-stream',
    customTime: new Date(client.settings.now()).toISOString(),
    crc32c,
    metadata: { [METADATA.sizeBytes]: String(sizeBytes), [METADATA.writeId]: writeId },
  })
}

/**
 * Compares what the service says that it has stored with what was sent; removes it, and nothing that came after it, when
 * that is something else. Fails with a `TransientFailure` then.
 */
export async function verifyCreated(
  { access }: UploadTools,
  object: NewObject,
  crc32c: string | undefined,
  text: string,
): Promise<ObjectFacts> {
  const facts = factsOf(parseJson<ObjectResource>(text, object.action), object.action)
  const isRight = facts.sizeBytes === object.sizeBytes && (facts.crc32c ?? crc32c) === crc32c
  if (isRight) return facts
  await access.remove(object.name, { generation: facts.generation, signal: object.signal })
  const stored = `${facts.sizeBytes} bytes with crc32c ${facts.crc32c ?? 'unknown'} were stored`
  throw garbledFailure(object.action, `${stored}, not ${object.sizeBytes} with ${crc32c ?? 'unknown'}`)
}
