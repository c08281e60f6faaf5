import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { describe, expect, test, vi } from 'vitest'
import { bytesCodec, grpcHeaders, serve } from '../grpc.fixture.ts'
import { serverStreamingMethod, StatusCode, unaryMethod } from '../index.ts'
import { call, COMPLETE, echo, sink, TO_SINK } from './calls.fixture.ts'
import { encodeHeaders } from './header-encoder.ts'
import { CLIENT_PREFACE, ErrorCode, FrameFlag, FrameType, Setting } from './protocol.ts'
import { frame, headers, message, RawClient, REQUEST, setting, uint32 } from './raw-client.fixture.ts'

const large = serverStreamingMethod(bytesCodec('Large'), async function* () {
  for (let index = 0; index < 4; index += 1) yield Buffer.alloc(100_000, index)
})
const TO_LARGE = { ...REQUEST, ':path': '/test.Test/Large' }
const TO_NOBODY = { ...REQUEST, ':path': '/test.Test/Nobody' }
const END = FrameFlag.END_STREAM

describe('a connection', () => {
  test('understands what arrives in whatever pieces', async () => {
    await using server = await serve([echo, sink])
    const padded = Buffer.concat([Buffer.from([4]), message(3), Buffer.alloc(4)])
    const block = encodeHeaders(REQUEST)
    const priority = Buffer.concat([uint32(0), Buffer.from([9])])
    const everything = Buffer.concat([
      CLIENT_PREFACE,
      frame(FrameType.SETTINGS, 0, 0, setting(0x99, 1)),
      frame(FrameType.SETTINGS, FrameFlag.ACK, 0),
      frame(0xaa, 0xff, 5, Buffer.from('unknown')),
      call(1),
      // In parts, padded and with a priority.
      frame(
        FrameType.HEADERS,
        FrameFlag.PADDED | FrameFlag.PRIORITY,
        3,
        Buffer.concat([Buffer.from([2]), priority, block.subarray(0, 9), Buffer.alloc(2)]),
      ),
      frame(FrameType.CONTINUATION, 0, 3),
      frame(FrameType.CONTINUATION, FrameFlag.END_HEADERS, 3, block.subarray(9)),
      frame(FrameType.PRIORITY, 0, 9, priority),
      frame(FrameType.DATA, FrameFlag.PADDED | END, 3, padded),
      headers(5, TO_SINK),
      frame(FrameType.DATA, 0, 5, message(100)),
      frame(FrameType.DATA, FrameFlag.PADDED, 5, Buffer.from([0])),
      frame(FrameType.DATA, 0, 5, message(20)),
      headers(5, { 'x-end': '1' }, COMPLETE),
    ])
    const answers = async (pieceBytes: number): Promise<unknown[]> => {
      using client = await RawClient.connect(server.address, { greets: false })
      for (let at = 0; at < everything.byteLength; at += pieceBytes) {
        client.send(everything.subarray(at, at + pieceBytes))
        // So that pieces arrive one by one.
        await new Promise(setImmediate)
      }
      const trailers: [streamId: number, status: string | undefined][] = []
      while (trailers.length < 3) {
        const next = await client.nextFields()
        if (next === undefined) throw new Error('the connection has ended')
        if (next.hasEnded) trailers.push([next.streamId, next.fields['grpc-status']])
      }
      return trailers.toSorted(([left], [right]) => left - right)
    }

    for (const pieceBytes of [1, 2, 7, 64, everything.byteLength]) {
      expect(await answers(pieceBytes)).toEqual([
        [1, '0'],
        [3, '0'],
        [5, '0'],
      ])
    }
  })

  test('sends no more than the client takes, on a stream and on all together', async () => {
    await using server = await serve([large])
    using client = await RawClient.connect(server.address, { settings: setting(Setting.INITIAL_WINDOW_SIZE, 1000) })
    const dataOf = async (): Promise<number> =>
      (await client.sync()).reduce(
        (sum, { type, payload }) => sum + (type === FrameType.DATA ? payload.byteLength : 0),
        0,
      )
    client.send(headers(1, TO_LARGE), frame(FrameType.DATA, END, 1, message(0)))
    await client.next(FrameType.HEADERS)

    expect(await dataOf()).toBe(1000)
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(500)))
    expect(await dataOf()).toBe(500)
    // Less than nothing is left then, of which some has to be given back first.
    client.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 0)))
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1000)))
    expect(await dataOf()).toBe(0)
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1)))
    expect(await dataOf()).toBe(1)
    client.send(frame(FrameType.SETTINGS, 0, 0, setting(Setting.INITIAL_WINDOW_SIZE, 1_000_000)))
    expect(await dataOf()).toBe(65_535 - 1501)
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1_000_000)))
    expect((await client.nextFields())?.fields).toEqual({ 'grpc-status': '0' })
  })

  test('sends in turns, in frames that the client takes', async () => {
    await using server = await serve([large])
    using client = await RawClient.connect(server.address, {
      settings: setting(Setting.INITIAL_WINDOW_SIZE, 1_000_000),
    })
    for (const streamId of [1, 3]) {
      client.send(headers(streamId, TO_LARGE), frame(FrameType.DATA, END, streamId, message(0)))
    }
    await client.sync()
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1_000_000)))
    const order: number[] = []
    while (order.filter((streamId) => streamId < 0).length < 2) {
      const next = await client.next(FrameType.DATA, FrameType.HEADERS)
      expect(next?.payload.byteLength).toBeLessThanOrEqual(16_384)
      order.push(next?.type === FrameType.DATA ? next.streamId : -1)
    }

    expect(order.indexOf(3)).toBeLessThan(order.lastIndexOf(1))
    expect(order.indexOf(1)).toBeLessThan(order.lastIndexOf(3))
  })

  test('gives back what was taken, of streams that are over too', async () => {
    await using server = await serve([sink, echo])
    using client = await RawClient.connect(server.address)
    const megabyte = Array.from({ length: 64 }, () => frame(FrameType.DATA, 0, 1, Buffer.alloc(16_384)))
    let given = 0

    // What nobody takes: its method is not served, so that its stream is over at once.
    client.send(headers(1, TO_NOBODY))
    await client.next(FrameType.HEADERS)
    for (let round = 0; round < 40; round += 1) {
      client.send(...megabyte)
      for (const { type, streamId, payload } of await client.sync()) {
        if (type === FrameType.WINDOW_UPDATE && streamId === 0) given += payload.readUInt32BE(0)
      }
    }

    expect(given).toBeGreaterThan(24 * 1024 * 1024)
    client.send(call(3))
    expect((await client.nextFields())?.streamId).toBe(3)
  })

  test('begins its first block with a word for clients that keep no table', async () => {
    await using server = await serve([echo])
    using client = await RawClient.connect(server.address, { settings: setting(Setting.HEADER_TABLE_SIZE, 0) })
    client.send(call(1), call(3))

    const blocks = [await client.next(FrameType.HEADERS), await client.next(FrameType.HEADERS)]

    expect(blocks[0]?.payload[0]).toBe(0x20)
    expect(blocks[1]?.payload[0]).not.toBe(0x20)
  })

  test('header fields arrive as node:http2 sends them', async () => {
    const seed = Date.now() % 1_000_000
    process.stdout.write(`header fields: seed ${seed}\n`)
    const received: string[][] = []
    const listen = unaryMethod(bytesCodec('Listen'), async (request, { metadata }) => {
      received.push(['x-first', 'x-second', 'x-third'].map((name) => metadata.get(name) ?? ''))
      return request
    })
    await using server = await serve([listen])
    const session = connect(`http://${server.address}`)
    const random = xorshift(seed)
    const sent: string[][] = []
    for (let round = 0; round < 200; round += 1) {
      // Latin-1, without what a value must not have in it.
      const value = (): string =>
        `v${Array.from({ length: Math.floor(random() * 60) }, () => String.fromCharCode(33 + Math.floor(random() * 94) + (random() < 0.1 ? 128 : 0))).join('')}`
      const [first, second, third] = [value(), round % 3 === 0 ? 'the same' : value(), value()]
      sent.push([first, second, third])
      const asking = session.request({
        ...grpcHeaders('/test.Test/Listen'),
        'x-first': first,
        'x-second': second,
        'x-third': third,
      })
      asking.resume().end(Buffer.from([0, 0, 0, 0, 0]))
      await once(asking, 'close')
    }
    session.destroy()

    expect(received).toEqual(sent)
  })
})

describe('a client that does not read', () => {
  test('is answered no more than it may have open', async () => {
    let handled = 0
    const counted = unaryMethod(bytesCodec('Echo'), async () => {
      handled += 1
      return Buffer.alloc(60_000)
    })
    await using server = await serve([counted])
    using client = await RawClient.connect(server.address, {
      settings: setting(Setting.INITIAL_WINDOW_SIZE, 1_000_000),
    })
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)))
    await client.sync()
    client.socket.pause()
    const send = (from: number): Promise<void> =>
      new Promise((resolve) => {
        const calls = Array.from({ length: 500 }, (_, index) => call(from + 2 * index))
        client.socket.write(Buffer.concat(calls), () => resolve())
      })

    for (let round = 0; round < 6; round += 1) await send(1 + 1000 * round)
    await vi.waitFor(() => expect(handled).toBeGreaterThan(200), { timeout: 30_000 })
    // The kernel takes a few megabytes, the socket half a one; the rest are open, or refused.
    using other = await RawClient.connect(server.address)
    await other.sync()

    expect(handled).toBeLessThan(1500)
  })

  test('and has pings answered is cut off', async () => {
    await using server = await serve([large])
    using client = await RawClient.connect(server.address, { settings: setting(Setting.INITIAL_WINDOW_SIZE, 2 ** 30) })
    client.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)))
    client.socket.pause()
    const closed = once(client.socket, 'close')
    for (let streamId = 1; streamId < 400; streamId += 2) {
      client.send(headers(streamId, TO_LARGE), frame(FrameType.DATA, END, streamId, message(0)))
    }
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(FrameType.PING, 0, 0, randomBytes(8))))
    for (let sent = 0; sent < 30 && !client.socket.destroyed; sent += 1) {
      client.send(pings)
      await new Promise(setImmediate)
    }
    client.socket.resume()

    await closed
    expect(client.socket.destroyed).toBe(true)
  })
})

describe('closing', () => {
  test('tells the client, refuses what comes after, and lets what is under way finish', async () => {
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const slow = unaryMethod(bytesCodec('Echo'), async (request) => {
      started.resolve()
      await gate.promise
      return request
    })
    await using server = await serve([slow])
    using client = await RawClient.connect(server.address)
    client.send(call(1))
    await started.promise

    const closing = server.http2.close(30_000)
    const goAway = await client.next(FrameType.GOAWAY)
    client.send(call(3))
    const refused = await client.nextError()
    gate.resolve()
    const answered = await client.nextFields()
    const trailers = await client.nextFields()
    await closing

    expect([goAway?.payload.readUInt32BE(0), goAway?.payload.readUInt32BE(4)]).toEqual([1, ErrorCode.NO_ERROR])
    expect(refused).toEqual({ streamId: 3, code: ErrorCode.REFUSED_STREAM })
    expect(answered?.streamId).toBe(1)
    expect(trailers?.fields).toEqual({ 'grpc-status': String(StatusCode.OK) })
  })
})

/** Random numbers from 0 to 1, the same for a seed. */
function xorshift(seed: number): () => number {
  let state = seed + 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
