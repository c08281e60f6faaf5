import { bytesCodec } from '../grpc.fixture.ts'
import type { Method } from '../index.ts'
import { clientStreamingMethod, unaryMethod } from '../index.ts'
import { FrameFlag, FrameType } from './protocol.ts'
import { frame, headers, message, REQUEST } from './raw-client.fixture.ts'

/** Returns what it is sent. */
export const echo: Method = unaryMethod(bytesCodec('Echo'), async (request) => request)

/** Returns how many bytes the messages had that it was sent. */
export const sink: Method = clientStreamingMethod(bytesCodec('Sink'), async (requests) => {
  let bytes = 0
  for await (const request of requests) bytes += request.byteLength
  return Buffer.from(String(bytes))
})

/** The header fields of a call of {@link sink}. */
export const TO_SINK: Readonly<Record<string, string>> = { ...REQUEST, ':path': '/test.Test/Sink' }

/** HEADERS that are all there is. */
export const COMPLETE: number = FrameFlag.END_HEADERS | FrameFlag.END_STREAM

/** A call of {@link echo} with a message of so many bytes. */
export function call(streamId: number, bytes = 3): Buffer {
  return Buffer.concat([headers(streamId), frame(FrameType.DATA, FrameFlag.END_STREAM, streamId, message(bytes))])
}
