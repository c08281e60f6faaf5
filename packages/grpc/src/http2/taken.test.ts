import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { TestServer } from '../grpc.fixture.ts'
import { bytesCodec, callServerStreaming, serve } from '../grpc.fixture.ts'
import { serverStreamingMethod } from '../index.ts'
import { COMPLETE } from './calls.fixture.ts'
import { ErrorCode, FrameFlag, FrameType, Setting } from './protocol.ts'
import { frame, headers, message, RawClient, REQUEST, setting, uint32 } from './raw-client.fixture.ts'

const MESSAGE_BYTES = 300_000
const MESSAGES = 12
const TO_LENT = { ...REQUEST, ':path': '/test.Test/Lent' }
const CALL = [headers(1, TO_LENT), frame(FrameType.DATA, FrameFlag.END_STREAM, 1, message(1))]

/** Sends messages that are written over as soon as they are taken, and then used for others. */
let taken: Buffer[]
let ended: number
let server: TestServer

beforeEach(async () => {
  const free: Buffer[] = []
  taken = []
  ended = 0
  const onTaken = (buffer: Buffer): void => {
    buffer.fill(0xff)
    taken.push(buffer)
    free.push(buffer)
  }
  const lent = serverStreamingMethod({ ...bytesCodec('Lent'), onTaken }, async function* (request) {
    try {
      for (let index = 0; index < MESSAGES; index += 1) {
        const buffer = free.pop() ?? Buffer.alloc(MESSAGE_BYTES)
        yield buffer.fill((request[0] as number) + index)
      }
    } finally {
      ended += 1
    }
  })
  server = await serve([lent])
})

afterEach(async () => {
  await server[Symbol.asyncDispose]()
})

/** What a call is answered that is sent a number. */
function expected(first: number): Buffer[] {
  return Array.from({ length: MESSAGES }, (_, index) => Buffer.alloc(MESSAGE_BYTES, first + index))
}

describe('a response that was taken', () => {
  test('may be written over, however many calls share its connection', async () => {
    const firsts = [1, 20, 40, 60, 80]

    const outcomes = await Promise.all(
      firsts.map((first) => callServerStreaming(server.client, 'Lent', Buffer.from([first]))),
    )

    for (const [index, first] of firsts.entries()) {
      expect(outcomes[index]?.error).toBeUndefined()
      expect(Buffer.concat(outcomes[index]?.responses ?? []).equals(Buffer.concat(expected(first)))).toBe(true)
    }
    expect(new Set(taken).size).toBeLessThan(firsts.length * MESSAGES)
  })

  test('is not before all of it has left, for a client that takes little at a time', async () => {
    using client = await RawClient.connect(server.address, { settings: setting(Setting.INITIAL_WINDOW_SIZE, 1000) })
    client.send(...CALL)
    const received: Buffer[] = []
    const receive = async (): Promise<boolean> => {
      const frames = await client.sync()
      received.push(...frames.filter(({ type }) => type === FrameType.DATA).map(({ payload }) => payload))
      return frames.some(({ type, flags }) => type === FrameType.HEADERS && (flags & COMPLETE) === COMPLETE)
    }

    for (let hasEnded = await receive(); !hasEnded; hasEnded = await receive()) {
      expect(taken.length).toBeLessThanOrEqual(Buffer.concat(received).byteLength / MESSAGE_BYTES)
      client.send(
        frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(70_001)),
        frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(70_001)),
      )
    }

    const first = message(1)[5] as number
    const messages = expected(first).flatMap((content) => [message(MESSAGE_BYTES).subarray(0, 5), content])
    expect(Buffer.concat(received).equals(Buffer.concat(messages))).toBe(true)
    expect(taken).toHaveLength(MESSAGES)
  })
})

describe('a response that does not leave', () => {
  test('is not taken when the client cancels', async () => {
    using client = await RawClient.connect(server.address, { settings: setting(Setting.INITIAL_WINDOW_SIZE, 1000) })
    client.send(...CALL)
    await client.sync()

    client.send(frame(FrameType.RST_STREAM, 0, 1, uint32(ErrorCode.CANCEL)))
    await client.sync()

    expect(ended).toBe(1)
    expect(taken).toHaveLength(0)
  })
})
