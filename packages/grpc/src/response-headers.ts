import type { CallStatus } from './call-status.ts'
import type { HeaderFields } from './metadata.ts'

/** The headers of every response; one that consists of a status alone has its trailers among them ("Trailers-Only"). */
export const RESPONSE_HEADERS: HeaderFields = Object.freeze({ ':status': '200', 'content-type': 'application/grpc' })

/** The trailers of a call that succeeded. */
export const OK_TRAILERS: HeaderFields = Object.freeze({ 'grpc-status': '0' })

const PLAIN = /^[\u0020-\u0024\u0026-\u007e]*$/

/** The longest message of a status, in characters: the headers of a response must stay well below 8 KiB for old proxies. */
const MAX_MESSAGE_LENGTH = 1024

/** The trailers of a call that ends with another status. */
export function statusTrailers({ code, message, details, metadata }: CallStatus): HeaderFields {
  return {
    ...metadata?.toFields(),
    'grpc-status': String(code),
    'grpc-message': percentEncode(message.slice(0, MAX_MESSAGE_LENGTH)),
    ...(details !== undefined && {
      'grpc-status-details-bin': Buffer.from(details.buffer, details.byteOffset, details.byteLength).toString('base64'),
    }),
  }
}

/** The fields of statuses that are answered again and again, by the frozen objects that are those. */
const constantFields = new WeakMap<CallStatus, HeaderFields>()

/** The headers of a response that is a status alone. Those of a frozen status are always the same object, so that they are encoded once. */
export function statusHeaders(status: CallStatus): HeaderFields {
  let fields = constantFields.get(status)
  if (fields !== undefined) return fields
  fields = { ...RESPONSE_HEADERS, ...statusTrailers(status) }
  if (Object.isFrozen(status)) constantFields.set(status, Object.freeze(fields))
  return fields
}

/** Encodes all but printable ASCII, and the percent sign (gRPC over HTTP/2, "Percent-Encoded"). */
function percentEncode(text: string): string {
  if (PLAIN.test(text)) return text
  return text.toWellFormed().replace(/[^\u0020-\u0024\u0026-\u007e]/gu, encodeURIComponent)
}
