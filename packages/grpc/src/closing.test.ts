import { describe, expect, test } from 'vitest'
import { bytesCodec, callUnary, serve } from './grpc.fixture.ts'
import { StatusCode, unaryMethod } from './index.ts'

const echo = unaryMethod(bytesCodec('Echo'), async (request) => request)

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
