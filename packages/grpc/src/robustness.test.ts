import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import { describe, expect, test, vi } from 'vitest'
import {
  bytesCodec,
  callServerStreaming,
  callUnary,
  grpcHeaders,
  ping,
  rawCall,
  readAll,
  serve,
} from './grpc.fixture.ts'
import { clientStreamingMethod, serverStreamingMethod, StatusCode, unaryMethod } from './index.ts'

/** More than a call may have waiting, with its prefix. */
const LARGE_MESSAGE = Buffer.concat([Buffer.from([0, 0, 16, 0, 0]), Buffer.alloc(1_048_576)])

const echo = unaryMethod(bytesCodec('Echo'), async (request) => request)

async function countBytes(requests: AsyncIterable<Buffer>): Promise<Buffer> {
  let total = 0
  for await (const request of requests) total += request.byteLength
  return Buffer.from(String(total))
}

describe('deadlines and cancellation', () => {
  test('a handler that outlives the deadline sees its signal, and the client its status', async () => {
    const aborted = Promise.withResolvers<unknown>()
    const slow = unaryMethod(bytesCodec('Slow'), async (request, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      await aborted.promise
      return request
    })
    await using server = await serve([slow])
    const session = connect(`http://${server.address}`)
    const call = session.request({ ...grpcHeaders('/test.Test/Slow'), 'grpc-timeout': '20m' })
    call.end(Buffer.from([0, 0, 0, 0, 0]))

    const [headers] = await once(call, 'response')
    const reason = await aborted.promise
    session.destroy()

    expect(headers['grpc-status']).toBe(String(StatusCode.DEADLINE_EXCEEDED))
    expect(reason).toMatchObject({ code: StatusCode.DEADLINE_EXCEEDED })
  })

  test('a client that cancels ends the handler', async () => {
    const started = Promise.withResolvers<void>()
    const aborted = Promise.withResolvers<unknown>()
    const slow = unaryMethod(bytesCodec('Slow'), async (request, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason))
      started.resolve()
      await aborted.promise
      return request
    })
    await using server = await serve([slow])
    const session = connect(`http://${server.address}`)
    const call = session.request(grpcHeaders('/test.Test/Slow'))
    call.end(Buffer.from([0, 0, 0, 0, 0]))
    await started.promise

    call.close(constants.NGHTTP2_CANCEL)

    expect(await aborted.promise).toMatchObject({ code: StatusCode.CANCELLED })
    session.destroy()
  })

  test('a malformed grpc-timeout is INVALID_ARGUMENT', async () => {
    await using server = await serve([echo])

    const headers = await rawCall(server.address, { ...grpcHeaders('/test.Test/Echo'), 'grpc-timeout': '1 day' })

    expect(headers['grpc-status']).toBe(String(StatusCode.INVALID_ARGUMENT))
  })
})

describe('requests that are not proper gRPC', () => {
  test.each([
    ['GET', 'application/grpc', 405],
    ['POST', 'text/plain', 415],
  ])('%s with %s is answered with HTTP status %i', async (method, contentType, status) => {
    await using server = await serve([echo])

    const headers = await rawCall(server.address, {
      ...grpcHeaders('/test.Test/Echo'),
      ':method': method,
      'content-type': contentType,
    })

    expect(headers[':status']).toBe(status)
  })

  test.each([
    ['no message', Buffer.alloc(0), StatusCode.INVALID_ARGUMENT],
    ['two messages', Buffer.from([0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 1, 7]), StatusCode.INVALID_ARGUMENT],
    ['two large messages', Buffer.concat([LARGE_MESSAGE, LARGE_MESSAGE]), StatusCode.INVALID_ARGUMENT],
    ['half a prefix', Buffer.from([0, 0, 0]), StatusCode.INVALID_ARGUMENT],
    ['half a message', Buffer.from([0, 0, 0, 0, 9, 1, 2]), StatusCode.INVALID_ARGUMENT],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 1, 7]), StatusCode.UNIMPLEMENTED],
    ['4 GiB announced', Buffer.from([0, 255, 255, 255, 255, 1]), StatusCode.RESOURCE_EXHAUSTED],
  ])('a unary call with %s fails', async (_, body, code) => {
    await using server = await serve([echo])

    const headers = await rawCall(server.address, grpcHeaders('/test.Test/Echo'), body)

    expect(headers['grpc-status']).toBe(String(code))
  })
})

describe('backpressure', () => {
  test('a handler that does not take its requests makes the client wait', async () => {
    const gate = Promise.withResolvers<void>()
    const lazy = clientStreamingMethod(bytesCodec('Lazy'), async (requests) => {
      await gate.promise
      return countBytes(requests)
    })
    await using server = await serve([lazy])
    const session = connect(`http://${server.address}`)
    const call = session.request(grpcHeaders('/test.Test/Lazy'))
    const message = Buffer.concat([Buffer.from([0, 0, 1, 0, 0]), Buffer.alloc(65_536)])
    let accepted = 0
    for (; accepted < 1000 && call.write(message); accepted++) await ping(session)

    expect(accepted).toBeLessThan(100)
    gate.resolve()
    call.end()
    const body = await readAll(call)
    session.destroy()

    expect(String(body.subarray(5))).toBe(String(65_536 * (accepted + 1)))
  })

  test('a client that does not read makes the handler wait', async () => {
    let produced = 0
    const endless = serverStreamingMethod(bytesCodec('Endless'), async function* () {
      for (;;) {
        produced += 1
        yield Buffer.alloc(65_536)
      }
    })
    await using server = await serve([endless])
    const session = connect(`http://${server.address}`)
    const call = session.request(grpcHeaders('/test.Test/Endless'))
    call.end(Buffer.from([0, 0, 0, 0, 0]))
    await once(call, 'response')
    let before = -1
    while (produced !== before) {
      before = produced
      for (let round = 0; round < 20; round++) await ping(session)
    }

    expect(produced).toBeLessThan(50)
    session.destroy()
  })
})

describe('memory', () => {
  test('large messages beyond the budget are refused until those before them are done with', async () => {
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const slow = unaryMethod(bytesCodec('Slow'), async () => {
      started.resolve()
      await gate.promise
      return Buffer.from('done')
    })
    await using server = await serve([slow, echo], { maxReceivedBytes: 1_000_000 })
    const pending = callUnary(server.client, 'Slow', Buffer.alloc(700_000))
    await started.promise

    const refused = await callUnary(server.client, 'Echo', Buffer.alloc(700_000))
    const small = await callUnary(server.client, 'Echo', Buffer.alloc(1000))
    gate.resolve()
    await pending
    const accepted = await callUnary(server.client, 'Echo', Buffer.alloc(700_000))

    expect(refused.error?.code).toBe(StatusCode.UNAVAILABLE)
    expect(small.response?.byteLength).toBe(1000)
    expect(accepted.response?.byteLength).toBe(700_000)
  })
})

describe('clients that do nothing', () => {
  test('are cut off when it is their turn, and never while the handler is at work', async () => {
    const gate = Promise.withResolvers<void>()
    const cut: string[] = []
    const patient = unaryMethod(bytesCodec('Patient'), async (request) => {
      await gate.promise
      return request
    })
    const watch = serverStreamingMethod(bytesCodec('Watch'), async function* () {
      yield Buffer.from('first')
      await gate.promise
      yield Buffer.from('second')
    })
    const endless = serverStreamingMethod(bytesCodec('Endless'), async function* () {
      for (;;) yield Buffer.alloc(65_536)
    })
    const methods = [patient, watch, echo, endless]
    const onCallFailed = (path: string): void => void cut.push(path)
    await using server = await serve(methods, { onCallFailed }, { idleTimeoutMs: 200 })
    const waiting = callUnary(server.client, 'Patient', Buffer.from('x'))
    const watching = callServerStreaming(server.client, 'Watch', Buffer.alloc(0))
    const session = connect(`http://${server.address}`)
    const silent = session.request(grpcHeaders('/test.Test/Echo'))
    silent.write(Buffer.from([0, 0, 0]))
    silent.on('error', () => undefined)
    const deaf = session.request(grpcHeaders('/test.Test/Endless'))
    deaf.end(Buffer.from([0, 0, 0, 0, 0]))
    deaf.on('error', () => undefined)

    await vi.waitFor(() => expect(cut).toHaveLength(2), { timeout: 30_000 })
    gate.resolve()

    expect(cut.toSorted()).toEqual(['/test.Test/Echo', '/test.Test/Endless'])
    expect(String((await waiting).response)).toBe('x')
    expect((await watching).responses.map(String)).toEqual(['first', 'second'])
    session.destroy()
  })
})

describe('tiny messages', () => {
  test('do not keep the event loop from going round', async () => {
    let handled = 0
    let mostAtOnce = 0
    const tiny = clientStreamingMethod(bytesCodec('Tiny'), async (requests) => {
      let atOnce = 0
      const turn = (): void => {
        mostAtOnce = Math.max(mostAtOnce, atOnce)
        atOnce = 0
        immediate = setImmediate(turn)
      }
      let immediate = setImmediate(turn)
      for await (const _ of requests) {
        handled += 1
        atOnce += 1
      }
      clearImmediate(immediate)
      return Buffer.alloc(0)
    })
    await using server = await serve([tiny])
    const session = connect(`http://${server.address}`)
    const call = session.request(grpcHeaders('/test.Test/Tiny'))

    call.end(Buffer.alloc(5 * 200_000))
    await readAll(call)
    session.destroy()

    expect(handled).toBe(200_000)
    expect(mostAtOnce).toBeLessThanOrEqual(1000)
  })
})

describe('connections', () => {
  test('beyond the limit are closed, and accepted again once there is room', async () => {
    await using server = await serve([echo], {}, { maxConnections: 1 })
    const first = connect(`http://${server.address}`)
    await once(first, 'connect')
    await ping(first)

    const second = connect(`http://${server.address}`)
    second.on('error', () => undefined)
    await once(second, 'close')
    first.destroy()

    const answers = async (): Promise<void> => {
      const { response } = await callUnary(server.client, 'Echo', Buffer.alloc(1))
      expect(response?.byteLength).toBe(1)
    }
    await vi.waitFor(answers, { timeout: 30_000 })
  })
})
