import { describe, expect, test } from 'vitest'
import { bytesCodec, serve } from '../grpc.fixture.ts'
import { clientStreamingMethod, unaryMethod } from '../index.ts'
import { call, COMPLETE, echo, sink, TO_SINK } from './calls.fixture.ts'
import { encodeHeaders } from './header-encoder.ts'
import { CLIENT_PREFACE, ErrorCode, FrameFlag, FrameType, Setting } from './protocol.ts'
import { frame, headers, message, RawClient, REQUEST, setting, uint32 } from './raw-client.fixture.ts'

const END = FrameFlag.END_STREAM

describe('what a client gets wrong', () => {
  const manyFields = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`x-${index}`, 'x'.repeat(50)]))
  const connectionErrors: [string, Buffer[], number][] = [
    ['HTTP/1.1', [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')], ErrorCode.PROTOCOL_ERROR],
    ['no settings first', [CLIENT_PREFACE, call(1)], ErrorCode.PROTOCOL_ERROR],
  ]

  test.each(connectionErrors)('%s ends the connection', async (_, parts, code) => {
    await using server = await serve([echo])
    using client = await RawClient.connect(server.address, { greets: false })
    client.send(...parts)

    expect(await client.nextError()).toEqual({ streamId: 0, code })
    expect(await client.next(-1)).toBeUndefined()
  })

  test.each<[string, Buffer[], number]>([
    ['a frame too large', [frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385))], ErrorCode.FRAME_SIZE_ERROR],
    ['a stream of the server', [headers(2)], ErrorCode.PROTOCOL_ERROR],
    ['a stream again', [call(3), headers(1)], ErrorCode.PROTOCOL_ERROR],
    ['DATA of a stream that there is not', [frame(FrameType.DATA, 0, 1, message(1))], ErrorCode.PROTOCOL_ERROR],
    ['DATA of no stream', [frame(FrameType.DATA, 0, 0, message(1))], ErrorCode.PROTOCOL_ERROR],
    [
      'more padding than payload',
      [headers(1), frame(FrameType.DATA, FrameFlag.PADDED, 1, Buffer.from([5, 0]))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'a frame within a header block',
      [headers(1, REQUEST, 0), frame(FrameType.PING, 0, 0, Buffer.alloc(8))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'a header block of another stream',
      [headers(1, REQUEST, 0), frame(FrameType.CONTINUATION, 4, 3)],
      ErrorCode.PROTOCOL_ERROR,
    ],
    ['CONTINUATION of nothing', [frame(FrameType.CONTINUATION, 4, 1)], ErrorCode.PROTOCOL_ERROR],
    ['a push', [frame(FrameType.PUSH_PROMISE, 4, 1, uint32(2))], ErrorCode.PROTOCOL_ERROR],
    ['a window that grows by nothing', [frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))], ErrorCode.PROTOCOL_ERROR],
    ['a window too large', [frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))], ErrorCode.FLOW_CONTROL_ERROR],
    [
      'a setting of a window too large',
      [frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 2 ** 31))],
      ErrorCode.FLOW_CONTROL_ERROR,
    ],
    [
      'a setting of frames too small',
      [frame(FrameType.SETTINGS, 0, 0, setting(Setting.MAX_FRAME_SIZE, 100))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'a hundred settings in one frame',
      [frame(FrameType.SETTINGS, 0, 0, Buffer.concat(Array.from({ length: 100 }, () => setting(9, 9))))],
      ErrorCode.ENHANCE_YOUR_CALM,
    ],
    [
      'ten thousand frames of padding alone',
      [
        headers(1),
        ...Array.from({ length: 12_000 }, () => frame(FrameType.DATA, FrameFlag.PADDED, 1, Buffer.from([0]))),
      ],
      ErrorCode.ENHANCE_YOUR_CALM,
    ],
    [
      'a header block that is malformed',
      [frame(FrameType.HEADERS, 4, 1, Buffer.from([0x80]))],
      ErrorCode.COMPRESSION_ERROR,
    ],
    [
      'a header block of 100 KiB',
      [
        headers(1, REQUEST, 0),
        ...Array.from({ length: 7 }, () => frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_384))),
      ],
      ErrorCode.ENHANCE_YOUR_CALM,
    ],
    [
      'a header block without an end',
      [headers(1, REQUEST, 0), ...Array.from({ length: 40 }, () => frame(FrameType.CONTINUATION, 0, 1))],
      ErrorCode.ENHANCE_YOUR_CALM,
    ],
    [
      'ten thousand frames that ask for nothing',
      Array.from({ length: 12_000 }, () => frame(FrameType.PRIORITY, 0, 1, Buffer.alloc(5))),
      ErrorCode.ENHANCE_YOUR_CALM,
    ],
    [
      'thousands of requests that it resets',
      Array.from({ length: 2400 }, (_, index) =>
        Buffer.concat([headers(2 * index + 1), frame(FrameType.RST_STREAM, 0, 2 * index + 1, uint32(8))]),
      ),
      ErrorCode.ENHANCE_YOUR_CALM,
    ],
  ])('%s ends the connection', async (_, parts, code) => {
    await using server = await serve([echo])
    using client = await RawClient.connect(server.address)
    client.send(...parts)

    let error = await client.nextError()
    while (error.streamId !== 0) error = await client.nextError()
    expect(error.code).toBe(code)
    expect(await client.next(-1)).toBeUndefined()
  })

  test.each<[string, Buffer[], number]>([
    ['without a path', [headers(1, { ':method': 'POST', ':scheme': 'http' })], ErrorCode.PROTOCOL_ERROR],
    [
      'shorter than it says',
      [headers(1, { ...REQUEST, 'content-length': '9' }), frame(FrameType.DATA, END, 1, message(1))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'with a length that is no number',
      [headers(1, { ...REQUEST, 'content-length': 'x' }), frame(FrameType.DATA, END, 1, message(1))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    ['that goes on after trailers', [headers(1), headers(1, { 'x-end': '1' })], ErrorCode.PROTOCOL_ERROR],
    [
      'with pseudo fields in its trailers',
      [headers(1), headers(1, { ':path': '/' }, COMPLETE)],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'that depends on itself',
      [headers(1), frame(FrameType.PRIORITY, 0, 1, Buffer.concat([uint32(1), Buffer.from([9])]))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'whose window grows by nothing',
      [headers(1), frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(0))],
      ErrorCode.PROTOCOL_ERROR,
    ],
    [
      'whose window is too large',
      [headers(1), frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1))],
      ErrorCode.FLOW_CONTROL_ERROR,
    ],
  ])('a request %s is reset, and the connection goes on', async (_, parts, code) => {
    await using server = await serve([echo, sink])
    using client = await RawClient.connect(server.address)
    client.send(...parts)

    expect(await client.nextError()).toEqual({ streamId: 1, code })
    client.send(call(3))
    expect((await client.nextFields())?.streamId).toBe(3)
  })

  test('a request with too many fields is answered with 431', async () => {
    await using server = await serve([echo])
    using client = await RawClient.connect(server.address)
    const block = encodeHeaders({ ...REQUEST, ...manyFields })
    client.send(
      frame(FrameType.HEADERS, 0, 1, block.subarray(0, 16_384)),
      frame(FrameType.CONTINUATION, 0, 1, block.subarray(16_384, 32_768)),
      frame(FrameType.CONTINUATION, FrameFlag.END_HEADERS, 1, block.subarray(32_768)),
      call(3),
    )

    expect((await client.nextFields())?.fields).toEqual({ ':status': '431' })
    expect((await client.nextFields())?.streamId).toBe(3)
  })

  test('more than a window of content ends the stream', async () => {
    const never = clientStreamingMethod(bytesCodec('Sink'), () => new Promise<Buffer>(() => undefined))
    await using server = await serve([never])
    using client = await RawClient.connect(server.address)
    client.send(headers(1, TO_SINK))
    for (let sent = 0; sent < 80; sent += 1) client.send(frame(FrameType.DATA, 0, 1, Buffer.alloc(16_384)))

    expect(await client.nextError()).toEqual({ streamId: 1, code: ErrorCode.FLOW_CONTROL_ERROR })
  })

  test('more requests than may be open are refused, and no others', async () => {
    const gate = Promise.withResolvers<void>()
    const slow = unaryMethod(bytesCodec('Echo'), async (request) => {
      await gate.promise
      return request
    })
    await using server = await serve([slow], {}, { maxConcurrentStreams: 2 })
    using client = await RawClient.connect(server.address)
    client.send(call(1), call(3), call(5))

    expect(await client.nextError()).toEqual({ streamId: 5, code: ErrorCode.REFUSED_STREAM })
    gate.resolve()
    expect([(await client.nextFields())?.streamId, (await client.nextFields())?.streamId]).toEqual([1, 1])
  })
})
