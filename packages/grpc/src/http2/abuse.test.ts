import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { bytesCodec, serve } from '../grpc.fixture.ts'
import { bidiStreamingMethod, serverStreamingMethod, unaryMethod } from '../index.ts'
import { AbuseGuard } from './abuse-guard.ts'
import { ArrivedContent } from './arrived-content.ts'
import { call, echo, sink } from './calls.fixture.ts'
import { ErrorCode, FrameFlag, FrameType, Setting } from './protocol.ts'
import { frame, headers, message, RawClient, REQUEST, setting, uint32 } from './raw-client.fixture.ts'

const END = FrameFlag.END_STREAM
const TO_BIDI = { ...REQUEST, ':path': '/test.Test/Bidi' }
const TO_ENDLESS = { ...REQUEST, ':path': '/test.Test/Endless' }

test('content that waits is put together, whatever pieces it came in', () => {
  const arrived = new ArrivedContent()
  const sent = Buffer.from(Array.from({ length: 40_000 }, (_, index) => index % 251))
  for (let at = 0; at < sent.byteLength; at += 7) arrived.push(sent.subarray(at, at + 7))

  const pieces: Buffer[] = []
  for (let piece = arrived.shift(); piece !== undefined; piece = arrived.shift()) pieces.push(piece)

  expect(pieces.map(({ byteLength }) => byteLength)).toEqual([16_384, 16_384, 40_000 - 32_768])
  expect(Buffer.concat(pieces).equals(sent)).toBe(true)
  expect(arrived.sizeBytes).toBe(0)
  arrived.push(Buffer.from('more'))
  expect(String(arrived.shift())).toBe('more')
})

test('what was forgiven is a few frames for each that has a purpose', () => {
  let now = 0
  const guard = new AbuseGuard(() => now)
  for (let count = 0; count < 10_000; count += 1) guard.noteIdleFrame()
  guard.noteProgress()
  for (let count = 0; count < 10; count += 1) guard.noteIdleFrame()
  expect(() => guard.noteIdleFrame()).toThrow(/frames that ask for nothing/)

  now += 2000
  for (let count = 0; count < 1900; count += 1) guard.noteIdleFrame()
  expect(() => {
    for (let count = 0; count < 200; count += 1) guard.noteIdleFrame()
  }).toThrow(/frames that ask for nothing/)
})

test('a hundred thousand pieces of a byte wait for a call that does not take them until it does', async () => {
  const gate = Promise.withResolvers<void>()
  const bidi = bidiStreamingMethod(bytesCodec('Bidi'), async function* (requests) {
    await gate.promise
    let bytes = 0
    for await (const request of requests) bytes += request.byteLength
    yield Buffer.from(String(bytes))
  })
  await using server = await serve([bidi])
  using client = await RawClient.connect(server.address)
  const content = Buffer.alloc(100_000)
  // One message, of which the rest comes byte by byte.
  content.writeUInt32BE(content.byteLength - 5, 1)
  const empty = Buffer.alloc(5 * 1100)
  client.send(headers(1, TO_BIDI), frame(FrameType.DATA, 0, 1, empty))
  client.send(...Array.from(content, (_, at) => frame(FrameType.DATA, 0, 1, content.subarray(at, at + 1))))
  client.send(frame(FrameType.DATA, END, 1))
  await client.sync()
  gate.resolve()

  expect((await client.next(FrameType.DATA))?.payload.subarray(5).toString()).toBe('99995')
})

test.each([100, 2000])('a client that does not read makes a handler of messages of %i bytes wait', async (bytes) => {
  let produced = 0
  const endless = serverStreamingMethod(bytesCodec('Endless'), async function* () {
    for (; produced < 1_000_000; produced += 1) yield Buffer.alloc(bytes)
  })
  await using server = await serve([endless])
  using client = await RawClient.connect(server.address, { settings: setting(Setting.INITIAL_WINDOW_SIZE, 2 ** 30) })
  client.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(2 ** 30)))
  await client.sync()
  client.socket.pause()
  client.send(headers(1, TO_ENDLESS), frame(FrameType.DATA, END, 1, message(0)))
  using other = await RawClient.connect(server.address)
  const rounds = async (): Promise<number> => {
    for (let round = 0; round < 20; round += 1) await other.sync()
    return produced
  }
  for (let before = -1, now = 0; now !== before || now === 0;) [before, now] = [now, await rounds()]

  expect(produced * bytes).toBeLessThan(30_000_000)
})

test('an answer that is not taken is given up, like one that is still being made', async () => {
  await using server = await serve([echo], {}, { idleTimeoutMs: 200 })
  using client = await RawClient.connect(server.address, { settings: setting(Setting.INITIAL_WINDOW_SIZE, 0) })
  client.send(call(1))

  expect(await client.nextError()).toEqual({ streamId: 1, code: ErrorCode.CANCEL })
})

test('a client that has closed its side is not sent anything further', async () => {
  const cut = Promise.withResolvers<void>()
  const endless = serverStreamingMethod(bytesCodec('Endless'), async function* () {
    for (;;) yield Buffer.alloc(65_536)
  })
  await using server = await serve([endless], { onCallFailed: () => cut.resolve() })
  using client = await RawClient.connect(server.address)
  client.send(headers(1, TO_ENDLESS), frame(FrameType.DATA, END, 1, message(0)))
  await client.next(FrameType.HEADERS)
  client.socket.end()

  await cut.promise
  if (!client.socket.destroyed) await once(client.socket, 'close')
  expect(client.socket.destroyed).toBe(true)
})

test('a client that sends on after its mistake is cut off', async () => {
  await using server = await serve([echo])
  using client = await RawClient.connect(server.address)
  client.socket.removeAllListeners('end')
  client.send(headers(2))
  const sending = setInterval(() => client.socket.write(Buffer.alloc(1)), 10)

  await vi.waitFor(() => expect(client.socket.destroyed).toBe(true), { timeout: 30_000 })
  clearInterval(sending)
})

test('many calls that are held up do not hold up others', async () => {
  const gate = Promise.withResolvers<void>()
  const held = bidiStreamingMethod(bytesCodec('Bidi'), async function* () {
    await gate.promise
    yield Buffer.alloc(0)
  })
  await using server = await serve([held, sink])
  using client = await RawClient.connect(server.address)
  const megabyte = Array.from({ length: 60 }, () => 16_384)
  for (let streamId = 1; streamId < 2 * 14; streamId += 2) {
    client.send(
      headers(streamId, TO_BIDI),
      ...megabyte.map((bytes) => frame(FrameType.DATA, 0, streamId, Buffer.alloc(bytes))),
    )
  }
  await client.sync()
  let room = 16 * 1024 * 1024 - 14 * 60 * 16_384
  client.send(headers(101, { ...REQUEST, ':path': '/test.Test/Sink' }))
  // Much more than the window has room for, which is taken at once.
  for (let sent = 0; sent < 40_000_000;) {
    const bytes = Math.min(16_384, room)
    if (bytes > 0) client.send(frame(FrameType.DATA, 0, 101, Buffer.alloc(bytes)))
    sent += bytes
    room -= bytes
    if (room > 0) continue
    const updates = (await client.sync()).filter(
      ({ type, streamId }) => type === FrameType.WINDOW_UPDATE && streamId === 0,
    )
    expect(updates.length).toBeGreaterThan(0)
    for (const { payload } of updates) room += payload.readUInt32BE(0)
  }
  gate.resolve()
})

test('a thousand fields of one name are put together', async () => {
  const counted = unaryMethod(bytesCodec('Echo'), async (_, { metadata }) =>
    Buffer.from(String(metadata.getAll('x').length)),
  )
  await using server = await serve([counted])
  using client = await RawClient.connect(server.address)
  // Each refers to the first, which is remembered (RFC 7541, section 6.2.1).
  const first = Buffer.concat([Buffer.from([0x40, 1]), Buffer.from('x'), Buffer.from([1]), Buffer.from('y')])
  const proper = headers(1).subarray(9)
  const block = Buffer.concat([proper, first, Buffer.alloc(900, 0xbe)])
  client.send(frame(FrameType.HEADERS, FrameFlag.END_HEADERS, 1, block), frame(FrameType.DATA, END, 1, message(0)))

  expect((await client.next(FrameType.DATA))?.payload.subarray(5).toString()).toBe('901')
})
