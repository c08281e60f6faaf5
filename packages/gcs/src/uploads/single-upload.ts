import { randomUUID } from 'node:crypto'
import type { BlobSource, Digest } from '@caskade/core'
import { garbledFailure, refusalError } from '../gcs-errors.ts'
import type { HttpContent } from '../http/http-call.ts'
import { retrying } from '../retrying.ts'
import { HashedSource } from './hashed-source.ts'
import type { NewObject, UploadOutcome, UploadTools } from './upload.ts'
import { metadataJson, uploadQuery, verifyCreated } from './upload.ts'

/** Creates an object of bytes in memory, in one request that may be repeated. Its checksum must be known. */
export async function uploadBytes(
  tools: UploadTools,
  object: NewObject & { readonly crc32c: string },
  bytes: Uint8Array,
): Promise<UploadOutcome> {
  const { type, head, tail } = envelope(tools, object)
  const token = randomUUID()
  const body = Buffer.concat([head, bytes, tail])
  return retrying(tools.client.settings, object.patience ?? object.signal, (failures) =>
    send(tools, object, { token, type, body, failures, crc32c: () => object.crc32c }),
  )
}

/** Creates an object of a source, in one request; a repetition reads the source again. */
export async function uploadSource(
  tools: UploadTools,
  object: NewObject,
  source: BlobSource,
  digest: Digest,
): Promise<UploadOutcome> {
  const { type, head, tail } = envelope(tools, object)
  const token = randomUUID()
  return retrying(tools.client.settings, object.signal, (failures) => {
    let hashed = new HashedSource(source, digest)
    const body: HttpContent = {
      lengthBytes: head.byteLength + object.sizeBytes + tail.byteLength,
      async *open(signal) {
        hashed = new HashedSource(source, digest)
        yield head
        yield* hashed.read(0, signal)
        yield tail
      },
    }
    return send(tools, object, { token, type, body, failures, crc32c: () => hashed.crc32c })
  })
}

interface Attempt {
  readonly token: string
  readonly type: string
  readonly body: Uint8Array | HttpContent
  readonly failures: number
  readonly crc32c: () => string | undefined
}

async function send(tools: UploadTools, object: NewObject, attempt: Attempt): Promise<UploadOutcome> {
  const { action, signal, patience } = object
  const path = tools.client.uploadPath(uploadQuery('multipart', object))
  const { token, body } = attempt
  const headers = { 'content-type': attempt.type }
  const accepted = object.ifAbsent ? [400, 412] : [400]
  const call = { action, token, method: 'POST', path, headers, body, signal, patience, accepted } as const
  const { status, text } = await tools.client.askOnce(call)
  const crc32c = attempt.crc32c()
  if (status === 412) return { isCreated: false, crc32c, isAmbiguous: attempt.failures > 0 }
  // The service checks what it was told beforehand, so this is about bytes that changed on their way.
  if (status === 400 && /crc32c|checksum|hash/i.test(text)) throw garbledFailure(action, text.slice(0, 200))
  if (status === 400) throw refusalError({ status, text }, action, tools.client.settings.now)
  await verifyCreated(tools, object, crc32c, text)
  return { isCreated: true, crc32c }
}

/** What stands around the content of a multipart upload (RFC 2387): its metadata before it, a boundary after it. */
function envelope(tools: UploadTools, object: NewObject): { type: string; head: Buffer; tail: Buffer } {
  const boundary = `caskade-${randomUUID()}`
  const head =
    `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${metadataJson(tools, object)}\r\n` +
    `--${boundary}\r\nContent-Type: application/octet-stream\r\n\r\n`
  return {
    type: `multipart/related; boundary=${boundary}`,
    head: Buffer.from(head),
    tail: Buffer.from(`\r\n--${boundary}--\r\n`),
  }
}
