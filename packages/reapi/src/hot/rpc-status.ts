import { varintBytes, writeVarint } from './varint.ts'

/** A `google.rpc.Status` without details. */
export interface RpcStatus {
  readonly code: number
  readonly message?: string
}

/** What a status takes as a field, its tag and its length included, in bytes. */
export function statusFieldBytes(status: RpcStatus): number {
  const length = statusBytes(status)
  return 1 + varintBytes(length) + length
}

/** Writes a status as the field of that tag; returns where it ends. */
export function writeStatusField(target: Buffer, start: number, tag: number, status: RpcStatus): number {
  const { code, message = '' } = status
  target[start] = tag
  let at = writeVarint(target, start + 1, statusBytes(status))
  if (code !== 0) {
    target[at] = 0x08
    at = writeVarint(target, at + 1, code)
  }
  if (message === '') return at
  target[at] = 0x12
  at = writeVarint(target, at + 1, Buffer.byteLength(message))
  return at + target.write(message, at, 'utf8')
}

function statusBytes({ code, message = '' }: RpcStatus): number {
  const messageBytes = message === '' ? 0 : Buffer.byteLength(message)
  return (
    (code === 0 ? 0 : 1 + varintBytes(code)) + (messageBytes === 0 ? 0 : 1 + varintBytes(messageBytes) + messageBytes)
  )
}
