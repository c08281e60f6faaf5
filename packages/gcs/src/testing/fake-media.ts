import type { ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { FakeFault } from './fake-fault.ts'
import type { FakeObject } from './fake-objects.ts'

/** Answers with content, or the part of it that a range names (RFC 9110, 14), with the fault that is wanted. */
export async function sendMedia(
  response: ServerResponse,
  { content, generation, crc32c, contentType, contentEncoding, customTime }: FakeObject,
  range: string | undefined,
  { fault, hasCustomTime }: { readonly fault: FakeFault | undefined; readonly hasCustomTime: boolean },
): Promise<void> {
  const total = content.byteLength
  const isPart = range !== undefined && fault?.type !== 'ignore-range'
  const [from, last] = isPart ? boundsOf(range, total) : [0, total - 1]
  if (from > last && total > 0) {
    response.writeHead(416, { 'content-range': `bytes */${total}` }).end()
    return
  }
  const body = altered(content.subarray(from, last + 1), fault)
  response.writeHead(isPart ? 206 : 200, {
    ...(fault?.type === 'lengthen-body' ? {} : { 'content-length': String(body.byteLength) }),
    ...(isPart && { 'content-range': `bytes ${from}-${last}/${total}` }),
    ...(contentEncoding !== undefined && { 'content-encoding': contentEncoding }),
    ...(hasCustomTime && customTime !== undefined && { 'x-goog-custom-time': customTime }),
    'content-type': contentType ?? 'application/octet-stream',
    'x-goog-generation': String(generation),
    'x-goog-hash': `crc32c=${fault?.type === 'wrong-crc32c' ? 'AAAAAA==' : crc32c}`,
    'x-goog-stored-content-length': String(total),
  })
  await sendBody(response, body, fault)
}

async function sendBody(response: ServerResponse, body: Buffer, fault: FakeFault | undefined): Promise<void> {
  if (fault?.type === 'break-body') {
    await flushed(response, body.subarray(0, fault.afterBytes))
    response.socket?.destroy()
    return
  }
  if (fault?.type === 'stall-body') {
    await flushed(response, body.subarray(0, fault.afterBytes))
    await Promise.race([fault.until, once(response, 'close')])
    response.end(body.subarray(fault.afterBytes))
    return
  }
  if (fault?.type === 'tiny-pieces') {
    for (const [at] of body.entries()) await flushed(response, body.subarray(at, at + 1))
    response.end()
    return
  }
  response.end(body)
}

/** Waits until the bytes are on their way, so that they come by themselves and not together with what follows. */
async function flushed(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (bytes.byteLength === 0 || response.destroyed) {
    response.flushHeaders()
    return
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  response.write(bytes, () => resolve())
  await promise
}

function altered(body: Buffer, fault: FakeFault | undefined): Buffer {
  if (fault?.type === 'shorten-body') return body.subarray(0, fault.afterBytes)
  if (fault?.type === 'lengthen-body') return Buffer.concat([body, Buffer.from('!')])
  return fault?.type === 'flip-bit' ? withFlippedBit(body) : body
}

/** A copy of which one bit is another. */
export function withFlippedBit(content: Buffer): Buffer {
  const copy = Buffer.from(content)
  const at = copy.byteLength >> 1
  if (copy.byteLength > 0) copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function boundsOf(range: string, total: number): readonly [number, number] {
  const [, from, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? []
  if (from === undefined) throw new Error(`the fake knows no range ${range}`)
  return [Number(from), last === undefined || last === '' ? total - 1 : Math.min(Number(last), total - 1)]
}
