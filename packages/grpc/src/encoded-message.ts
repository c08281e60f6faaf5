import { PREFIX_BYTES } from './message-parser.ts'

/** A message as it goes out: its bytes, possibly in several parts so that large ones need not be copied together. */
export type EncodedMessage = Uint8Array | readonly Uint8Array[]

/** Messages up to this size are copied behind their prefix: one small buffer costs less than two. */
const COPY_BELOW_BYTES = 4 * 1024

/** Returns the buffers to send for a message: its prefix, then its parts. */
export function frameMessage(message: EncodedMessage): readonly Uint8Array[] {
  const parts = message instanceof Uint8Array ? [message] : message
  let length = 0
  for (const part of parts) length += part.byteLength
  const isCopied = length <= COPY_BELOW_BYTES
  const head = Buffer.allocUnsafe(isCopied ? PREFIX_BYTES + length : PREFIX_BYTES)
  head[0] = 0
  head.writeUInt32BE(length, 1)
  if (!isCopied) return [head, ...parts]
  let at = PREFIX_BYTES
  for (const part of parts) {
    head.set(part, at)
    at += part.byteLength
  }
  return [head]
}
