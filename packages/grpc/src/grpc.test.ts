import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { connect, constants } from 'node:http2'
import { Metadata as ClientMetadata } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { bytesCodec, callClientStreaming, callServerStreaming, callUnary, serve } from './grpc.fixture.ts'
import type { CallContext } from './index.ts'
import {
  bidiStreamingMethod,
  clientStreamingMethod,
  GrpcError,
  Metadata,
  serverStreamingMethod,
  StatusCode,
  unaryMethod,
} from './index.ts'

const echo = unaryMethod(bytesCodec('Echo'), async (request) => request)

async function countBytes(requests: AsyncIterable<Buffer>): Promise<Buffer> {
  let total = 0
  for await (const request of requests) total += request.byteLength
  return Buffer.from(String(total))
}

describe('calls', () => {
  test('unary: the response follows the request, at every size', async () => {
    await using server = await serve([echo], { maxMessageBytes: 8 * 1024 * 1024 })

    for (const size of [0, 1, 4096, 4097, 65_536, 5_000_000]) {
      const request = Buffer.alloc(size, size)
      const { response } = await callUnary(server.client, 'Echo', request)
      expect(response?.equals(request), `${size} bytes`).toBe(true)
    }
  })

  test('server streaming: all responses arrive in order, and an error after them', async () => {
    const count = serverStreamingMethod(bytesCodec('Count'), async function* (request) {
      for (let index = 0; index < Number(request); index++) yield Buffer.from(String(index))
      throw new GrpcError(StatusCode.OUT_OF_RANGE, 'no more')
    })
    await using server = await serve([count])

    const { responses, error } = await callServerStreaming(server.client, 'Count', Buffer.from('500'))

    expect(responses.map(Number)).toEqual(Array.from({ length: 500 }, (_, index) => index))
    expect(error?.code).toBe(StatusCode.OUT_OF_RANGE)
    expect(error?.details).toBe('no more')
  })

  test('client streaming: the handler sees every request', async () => {
    await using server = await serve([clientStreamingMethod(bytesCodec('Sum'), countBytes)])

    const requests = Array.from({ length: 300 }, (_, index) => Buffer.alloc(index * 100))
    const { response } = await callClientStreaming(server.client, 'Sum', requests)

    expect(Number(response)).toBe((299 * 300 * 100) / 2)
  })

  test('client streaming: a response before the last request reaches the client, every time', async () => {
    const impatient = clientStreamingMethod(bytesCodec('First'), async (requests) => {
      for await (const request of requests) return request.subarray(0, 10)
      return Buffer.from('none')
    })
    await using server = await serve([impatient])

    for (let round = 0; round < 200; round++) {
      const requests = Array.from({ length: 50 }, () => Buffer.alloc(16_384, 'x'))
      const { response, error } = await callClientStreaming(server.client, 'First', requests, round % 2 === 0)
      expect(error).toBeUndefined()
      expect(String(response)).toBe('xxxxxxxxxx')
    }
  })

  test('bidi streaming: requests and responses interleave', async () => {
    const upper = bidiStreamingMethod(bytesCodec('Upper'), async function* (requests) {
      for await (const request of requests) yield Buffer.from(String(request).toUpperCase())
    })
    await using server = await serve([upper])
    const call = server.client.makeBidiStreamRequest('/test.Test/Upper', identity, identity)

    const answers: string[] = []
    for (const word of ['one', 'two', 'three']) {
      const answer = new Promise<Buffer>((resolve) => void call.once('data', resolve))
      call.write(Buffer.from(word))
      answers.push(String(await answer))
    }
    call.end()
    await new Promise((resolve) => void call.on('end', resolve).resume())

    expect(answers).toEqual(['ONE', 'TWO', 'THREE'])
  })
})

describe('metadata and status', () => {
  test('text and binary metadata reach the handler', async () => {
    const seen: CallContext[] = []
    const method = unaryMethod(bytesCodec('Echo'), async (request, context) => {
      seen.push(context)
      return request
    })
    await using server = await serve([method])
    const metadata = new ClientMetadata()
    metadata.set('x-text', 'hello')
    metadata.set('x-bytes-bin', Buffer.from([0, 1, 255]))
    metadata.add('x-many-bin', Buffer.from([1]))
    metadata.add('x-many-bin', Buffer.from([2, 3]))

    await callUnary(server.client, 'Echo', Buffer.alloc(1), metadata)

    expect(seen[0]?.metadata.get('X-Text')).toBe('hello')
    expect(seen[0]?.metadata.getBinary('x-bytes-bin')).toEqual([Buffer.from([0, 1, 255])])
    expect(seen[0]?.metadata.getBinary('x-many-bin')).toEqual([Buffer.from([1]), Buffer.from([2, 3])])
    expect(seen[0]?.metadata.getBinary('x-absent-bin')).toEqual([])
    expect(seen[0]?.path).toBe('/test.Test/Echo')
    expect(seen[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/)
  })

  test('an error carries its message, details and metadata', async () => {
    const details = Buffer.from([8, 5, 18, 1, 120])
    const metadata = Metadata.of({ 'x-why': 'because', 'x-raw-bin': Buffer.from([7]) })
    const failing = unaryMethod(bytesCodec('Fail'), async () => {
      throw new GrpcError(StatusCode.NOT_FOUND, 'büfé 100% \n gone', { details, metadata })
    })
    await using server = await serve([failing])

    const { error } = await callUnary(server.client, 'Fail', Buffer.alloc(0))

    expect(error?.code).toBe(StatusCode.NOT_FOUND)
    expect(error?.details).toBe('büfé 100% \n gone')
    expect(error?.metadata.get('grpc-status-details-bin')).toEqual([details])
    expect(error?.metadata.get('x-why')).toEqual(['because'])
    expect(error?.metadata.get('x-raw-bin')).toEqual([Buffer.from([7])])
  })

  test('what a handler throws is INTERNAL without its message, unless it is mapped', async () => {
    const failing = unaryMethod(bytesCodec('Fail'), async () => {
      throw new RangeError('secret')
    })
    const failures: unknown[] = []
    const onCallFailed = (path: string, error: GrpcError, cause: unknown): void => {
      failures.push([path, error.codeName, cause])
    }
    await using plain = await serve([failing], { onCallFailed })
    await using mapped = await serve([failing], {
      toGrpcError: (error) => new GrpcError(StatusCode.ABORTED, String(error)),
    })

    const { error: unmapped } = await callUnary(plain.client, 'Fail', Buffer.alloc(0))
    const { error } = await callUnary(mapped.client, 'Fail', Buffer.alloc(0))

    expect([unmapped?.code, unmapped?.details]).toEqual([StatusCode.INTERNAL, 'internal error'])
    expect(failures).toEqual([['/test.Test/Fail', 'INTERNAL', expect.any(RangeError)]])
    expect([error?.code, error?.details]).toEqual([StatusCode.ABORTED, 'RangeError: secret'])
  })

  test('an unknown method is UNIMPLEMENTED, a message that cannot be decoded INVALID_ARGUMENT', async () => {
    const picky = unaryMethod(
      { ...bytesCodec('Picky'), decode: () => expect.fail('no such field') },
      async (request) => request,
    )
    await using server = await serve([picky])

    const unknown = await callUnary(server.client, 'Nope', Buffer.alloc(0))
    const malformed = await callUnary(server.client, 'Picky', Buffer.alloc(3))

    expect(unknown.error?.code).toBe(StatusCode.UNIMPLEMENTED)
    expect(malformed.error?.code).toBe(StatusCode.INVALID_ARGUMENT)
    expect(malformed.error?.details).toContain('no such field')
  })

  test('a message above the limit is refused, and the connection goes on', async () => {
    await using server = await serve([echo], { maxMessageBytes: 1000 })

    const { error } = await callUnary(server.client, 'Echo', Buffer.alloc(2_000_000))
    const { response } = await callUnary(server.client, 'Echo', Buffer.alloc(1000))

    expect(error?.code).toBe(StatusCode.RESOURCE_EXHAUSTED)
    expect(response?.byteLength).toBe(1000)
  })
})

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

describe('closing', () => {
  test('calls under way finish, new ones are refused', async () => {
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const slow = unaryMethod(bytesCodec('Slow'), async (request) => {
      started.resolve()
      await gate.promise
      return request
    })
    await using server = await serve([slow, echo])
    const pending = callUnary(server.client, 'Slow', Buffer.from('x'))
    await started.promise

    const closing = server.http2.close(10_000)
    gate.resolve()

    expect(String((await pending).response)).toBe('x')
    await closing
    const late = await callUnary(server.client, 'Echo', Buffer.alloc(1))
    expect(late.error?.code).toBe(StatusCode.UNAVAILABLE)
  })

  test('calls that do not finish are ended at the deadline', async () => {
    const started = Promise.withResolvers<void>()
    const stuck = unaryMethod(bytesCodec('Stuck'), async () => {
      started.resolve()
      return new Promise<Buffer>(() => undefined)
    })
    await using server = await serve([stuck])
    const pending = callUnary(server.client, 'Stuck', Buffer.alloc(1))
    await started.promise

    await server.http2.close(1)

    expect((await pending).error).toBeDefined()
  })
})

function identity(bytes: Buffer): Buffer {
  return bytes
}

function grpcHeaders(path: string): OutgoingHttpHeaders {
  return { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
}

/** Sends a request as it is; resolves to the headers of the response, together with its trailers. */
async function rawCall(
  address: string,
  headers: OutgoingHttpHeaders,
  body = Buffer.alloc(0),
): Promise<IncomingHttpHeaders> {
  const session = connect(`http://${address}`)
  const call = session.request(headers, { endStream: body.byteLength === 0 })
  const received: IncomingHttpHeaders = {}
  call.on('response', (fields) => Object.assign(received, fields))
  call.on('trailers', (fields) => Object.assign(received, fields))
  call.resume()
  if (body.byteLength > 0) call.end(body)
  await once(call, 'close')
  session.destroy()
  return received
}

async function readAll(call: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of call) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Waits until the server has seen everything that was sent before. */
function ping(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    session.ping(() => resolve())
  })
}
