import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { once } from 'node:events'
import type { BlobReader } from '@caskade/core'
import { readerFromBytes, readerFromChunks } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { HttpExchange } from './http/http-exchange.ts'
import { HttpServer } from './http/http-server.ts'
import { sendReader } from './http/send-reader.ts'
import { eventually } from './testing/eventually.fixture.ts'

/** More than the system takes for a client that reads nothing. */
const LARGE_BYTES = 64 * 1024 ** 2

const CHUNK_BYTES = 256 * 1024

let server: HttpServer
let port: number
let sockets: Socket[]
let open: (exchange: HttpExchange) => BlobReader
let beforeSending: (exchange: HttpExchange) => Promise<void>
let exchanges: HttpExchange[]
/** What the sending of each response came to. */
let outcomes: unknown[]
let statuses: (number | 'aborted')[]

beforeEach(async () => {
  sockets = []
  exchanges = []
  outcomes = []
  statuses = []
  beforeSending = async () => undefined
  const answer = async (exchange: HttpExchange): Promise<void> => {
    exchanges.push(exchange)
    await beforeSending(exchange)
    const sending = sendReader(exchange, open(exchange), { status: 200 })
    await sending.then(
      () => outcomes.push('sent'),
      (error: unknown) => outcomes.push(error),
    )
    await sending
  }
  server = new HttpServer(
    [
      {
        name: 'content',
        route: (exchange) => ({ instanceName: '', access: 'read', answer: () => answer(exchange) }),
      },
    ],
    {
      maxConnections: 10,
      onFailure: (_, error) => outcomes.push(error),
      onAnswered: ({ response }) => statuses.push(response.writableFinished ? response.statusCode : 'aborted'),
    },
  )
  port = (await server.listen({ host: '127.0.0.1', port: 0 })).port
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await server.close(1)
})

function request(): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  sockets.push(socket)
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  return socket
}

/** Asks for the content, and reads nothing beyond the first bytes of the answer. */
async function ask(): Promise<Socket> {
  const socket = request()
  await once(socket, 'readable')
  return socket
}

/** Reads an answer to its end; resolves to its content. */
function receive(socket: Socket, sizeBytes: number): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let left = sizeBytes
  socket.on('data', (chunk: Buffer) => {
    // The head comes with the first bytes.
    const content = chunks.length > 0 ? chunk : chunk.subarray(chunk.indexOf('\r\n\r\n') + 4)
    chunks.push(content)
    left -= content.byteLength
    if (left === 0) resolve(Buffer.concat(chunks))
  })
  return promise
}

describe('content in memory, which is sent in one go', () => {
  const bytes = Buffer.alloc(LARGE_BYTES, 'content')

  test('is held until a slow client has it all', async () => {
    const release = vi.fn<() => void>()
    open = ({ signal }) => readerFromBytes(bytes, { release, signal })
    const socket = await ask()
    expect(release).not.toHaveBeenCalled()
    expect(outcomes).toEqual([])

    const content = await receive(socket, LARGE_BYTES)

    expect(content.equals(bytes)).toBe(true)
    await eventually(() => expect(outcomes).toEqual(['sent']))
    expect(release).toHaveBeenCalledTimes(1)
    expect(statuses).toEqual([200])
  })

  test('is let go of when the client goes away half-way, and the signal tells', async () => {
    const release = vi.fn<() => void>()
    open = ({ signal }) => readerFromBytes(bytes, { release, signal })
    const socket = await ask()
    expect(release).not.toHaveBeenCalled()

    socket.resetAndDestroy()

    await eventually(() => expect(release).toHaveBeenCalledTimes(1))
    const [exchange] = exchanges
    expect(exchange?.signal.aborted).toBe(true)
    expect(outcomes).toEqual([exchange?.signal.reason])
    expect(statuses).toEqual(['aborted'])
  })

  test('does not leave when the client has gone by then', async () => {
    const release = vi.fn<() => void>()
    open = () => readerFromBytes(bytes, { release })
    beforeSending = async ({ response }) => {
      const closed = once(response, 'close')
      sockets[0]?.resetAndDestroy()
      await closed
    }

    request()

    await eventually(() => expect(release).toHaveBeenCalledTimes(1))
    const [exchange] = exchanges
    expect(exchange?.response.headersSent).toBe(false)
    expect(outcomes).toEqual([exchange?.signal.reason])
    expect(statuses).toEqual(['aborted'])
  })

  test('lends its buffer to others only once it has left', async () => {
    const lent: Uint8Array[] = []
    open = ({ buffers, signal }) => {
      const buffer = buffers.take(CHUNK_BYTES)
      lent.push(buffer)
      buffer.fill(lent.length)
      return readerFromBytes(buffer, { signal })
    }
    const first = await receive(await ask(), CHUNK_BYTES)
    await eventually(() => expect(statuses).toEqual([200]))

    const second = await receive(await ask(), CHUNK_BYTES)

    expect(lent[0]?.buffer).toBe(lent[1]?.buffer)
    expect([new Set(first), new Set(second)]).toEqual([new Set([1]), new Set([2])])
  })
})

test('of long content, a client that does not read has the server hold no more than some chunks', async () => {
  const taken = new Set<ArrayBufferLike>()
  let read = 0
  open = ({ buffers, signal }) => {
    function* chunks(): Generator<Uint8Array, void, undefined> {
      for (let at = 0; at < LARGE_BYTES; at += CHUNK_BYTES) {
        const buffer = buffers.take(CHUNK_BYTES)
        taken.add(buffer.buffer)
        read += CHUNK_BYTES
        yield buffer.fill(at / CHUNK_BYTES)
      }
    }
    return readerFromChunks(LARGE_BYTES, chunks(), { signal })
  }
  const socket = await ask()
  await eventually(() => expect(exchanges[0]?.response.writableNeedDrain).toBe(true))
  expect(read).toBeLessThan(LARGE_BYTES / 2)

  const content = await receive(socket, LARGE_BYTES)

  expect(content.byteLength).toBe(LARGE_BYTES)
  expect([0, 100, 255].map((chunk) => content[chunk * CHUNK_BYTES])).toEqual([0, 100, 255])
  expect(taken.size).toBeLessThan(10)
})
