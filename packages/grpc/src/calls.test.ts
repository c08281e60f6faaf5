import { Metadata as ClientMetadata } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { bytesCodec, callClientStreaming, callServerStreaming, callUnary, identity, serve } from './grpc.fixture.ts'
import type { CallContext, GrpcServerOptions } from './index.ts'
import {
  bidiStreamingMethod,
  clientStreamingMethod,
  GrpcError,
  Metadata,
  serverStreamingMethod,
  StatusAnswer,
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

  test('a status that is an answer reaches the client, and is not reported as a failure', async () => {
    const failed: string[] = []
    const absent = unaryMethod(bytesCodec('Absent'), async () => new StatusAnswer(StatusCode.NOT_FOUND, 'nöthing here'))
    await using server = await serve([absent, echo], { onCallFailed: (path) => void failed.push(path) })

    const { error } = await callUnary(server.client, 'Absent', Buffer.alloc(0))
    const { response } = await callUnary(server.client, 'Echo', Buffer.from('x'))

    expect([error?.code, error?.details]).toEqual([StatusCode.NOT_FOUND, 'nöthing here'])
    expect(String(response)).toBe('x')
    expect(failed).toEqual([])
  })

  test('every call is reported with its path, its code and what it took', async () => {
    const absent = unaryMethod(bytesCodec('Absent'), async () => new StatusAnswer(StatusCode.NOT_FOUND, 'nothing here'))
    const ended: unknown[] = []
    const onCallEnded: GrpcServerOptions['onCallEnded'] = (path, code, seconds) => {
      expect(seconds).toBeGreaterThanOrEqual(0)
      ended.push([path, code])
    }
    await using server = await serve([absent, echo], { onCallEnded })

    for (const method of ['Echo', 'Absent', 'Nope']) await callUnary(server.client, method, Buffer.alloc(1))

    expect(ended).toEqual([
      ['/test.Test/Echo', StatusCode.OK],
      ['/test.Test/Absent', StatusCode.NOT_FOUND],
      [undefined, StatusCode.UNIMPLEMENTED],
    ])
  })

  test('a frozen status reaches every client that it is returned to', async () => {
    const answer = Object.freeze(new StatusAnswer(StatusCode.NOT_FOUND, 'nothing here'))
    await using server = await serve([unaryMethod(bytesCodec('Absent'), async () => answer)])

    const first = await callUnary(server.client, 'Absent', Buffer.alloc(0))
    const second = await callUnary(server.client, 'Absent', Buffer.alloc(0))

    for (const { error } of [first, second]) {
      expect([error?.code, error?.details]).toEqual([StatusCode.NOT_FOUND, 'nothing here'])
    }
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
