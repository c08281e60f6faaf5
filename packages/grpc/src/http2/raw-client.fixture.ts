import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { encodeHeaders } from './header-encoder.ts'
import type { Field } from './header-decoder.ts'
import { HeaderDecoder } from './header-decoder.ts'
import { CLIENT_PREFACE, FRAME_HEAD_BYTES, FrameFlag, FrameType } from './protocol.ts'

/** A frame as it came over the wire. */
export interface RawFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

/** The header fields of a proper request. */
export const REQUEST: Readonly<Record<string, string>> = {
  ':method': 'POST',
  ':scheme': 'http',
  ':path': '/test.Test/Echo',
  'content-type': 'application/grpc',
  te: 'trailers',
}

/** A gRPC message of so many bytes, with its prefix. */
export function message(bytes: number): Buffer {
  const buffer = Buffer.alloc(5 + bytes, 7)
  buffer[0] = 0
  buffer.writeUInt32BE(bytes, 1)
  return buffer
}

/** Encodes a frame. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES)
  head.writeUIntBE(payload.byteLength, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, payload])
}

/** Encodes a number of 32 bits. */
export function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(value)
  return buffer
}

/** Encodes one setting. */
export function setting(id: number, value: number): Buffer {
  const buffer = Buffer.alloc(6)
  buffer.writeUInt16BE(id)
  buffer.writeUInt32BE(value, 2)
  return buffer
}

/** The HEADERS of a request, which is complete with them unless `flags` say otherwise. */
export function headers(
  streamId: number,
  fields: Readonly<Record<string, string>> = REQUEST,
  flags: number = FrameFlag.END_HEADERS,
): Buffer {
  return frame(FrameType.HEADERS, flags, streamId, encodeHeaders(fields))
}

/** A client that sends what it is told to, byte by byte if need be, whether or not it makes sense. */
export class RawClient implements Disposable {
  readonly socket: Socket
  readonly #frames: RawFrame[] = []
  readonly #decoder = new HeaderDecoder()
  #rest: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: (() => void) | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake?.()
    })
  }

  /** Connects to `host:port`, and says that it speaks HTTP/2 unless it is not to. */
  static async connect(
    address: string,
    { greets = true, settings = Buffer.alloc(0) }: { readonly greets?: boolean; readonly settings?: Uint8Array } = {},
  ): Promise<RawClient> {
    const [host = '', port = ''] = address.split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    const client = new RawClient(socket)
    if (greets) client.send(CLIENT_PREFACE, frame(FrameType.SETTINGS, 0, 0, settings))
    return client
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** The next frame that is of one of these types; undefined when the connection has ended before one came. */
  async next(...types: readonly number[]): Promise<RawFrame | undefined> {
    for (;;) {
      while (this.#frames.length > 0) {
        const next = this.#frames.shift() as RawFrame
        if (types.includes(next.type)) return next
      }
      if (this.#isClosed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The next header block, decoded. */
  async nextFields(): Promise<{ streamId: number; hasEnded: boolean; fields: Record<string, string> } | undefined> {
    const next = await this.next(FrameType.HEADERS)
    if (next === undefined) return undefined
    const list = this.#decoder.decode(next.payload, Number.POSITIVE_INFINITY) as Field[]
    const fields = Object.fromEntries(list.map(({ name, value }) => [name, value]))
    return { streamId: next.streamId, hasEnded: (next.flags & FrameFlag.END_STREAM) !== 0, fields }
  }

  /** The code that the connection or a stream is ended with. */
  async nextError(): Promise<{ streamId: number; code: number | undefined }> {
    const next = await this.next(FrameType.GOAWAY, FrameType.RST_STREAM)
    const code = next?.payload.readUInt32BE(next.type === FrameType.GOAWAY ? 4 : 0)
    return { streamId: next?.streamId ?? 0, code }
  }

  /** Waits until the server has seen everything that was sent before; returns the frames that came meanwhile. */
  async sync(): Promise<RawFrame[]> {
    this.send(frame(FrameType.PING, 0, 0, Buffer.from('sync sync'.slice(0, 8))))
    const isAnswer = ({ type, flags }: RawFrame): boolean => type === FrameType.PING && (flags & FrameFlag.ACK) !== 0
    while (!this.#isClosed && !this.#frames.some(isAnswer)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#frames.splice(0).filter((each) => !isAnswer(each))
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.byteLength >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + this.#rest.readUIntBE(0, 3)
      if (this.#rest.byteLength < end) break
      const [type = 0, flags = 0] = this.#rest.subarray(3, 5)
      const streamId = this.#rest.readUInt32BE(5)
      this.#frames.push({ type, flags, streamId, payload: this.#rest.subarray(FRAME_HEAD_BYTES, end) })
      this.#rest = this.#rest.subarray(end)
    }
    this.#wake?.()
  }
}
