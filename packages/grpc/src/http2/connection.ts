import type { Socket } from 'node:net'
import type { TransportStream } from '../transport-stream.ts'
import { AbuseGuard } from './abuse-guard.ts'
import type { StreamConnection } from './connection-stream.ts'
import { Http2Stream, STREAM_WINDOW_BYTES } from './connection-stream.ts'
import type { FrameHandler } from './frame-reader.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { OpenStreams } from './open-streams.ts'
import { PeerSettings } from './peer-settings.ts'
import type { Field } from './header-decoder.ts'
import { HeaderDecoder } from './header-decoder.ts'
import { ConnectionError, DEFAULT_WINDOW_BYTES, ErrorCode, FrameType, MAX_WINDOW_BYTES, Setting } from './protocol.ts'
import { ReceiveWindow } from './receive-window.ts'
import { areTrailersValid, requestFields } from './request-fields.ts'
import { SendTurns } from './send-turns.ts'

/** How much a client may send on all streams of a connection together before it was taken, in bytes. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024

/** What the header fields of a request may come to, in bytes; larger ones are refused. */
const MAX_HEADER_LIST_BYTES = 32 * 1024

/** How long a client may take to close its side of a connection that ends, in milliseconds. */
const PARTING_MS = 1000

/** What a connection needs. */
export interface ConnectionOptions {
  readonly maxConcurrentStreams: number
  /** Takes each request; it must listen to it at once. */
  readonly onRequest: (stream: TransportStream) => void
}

/** One connection of a client that speaks HTTP/2 (RFC 9113), over a socket. */
export class Http2Connection implements StreamConnection, FrameHandler {
  readonly writer: FrameWriter
  readonly peer: string
  sendWindowBytes: number = DEFAULT_WINDOW_BYTES
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #reader = new FrameReader(this)
  readonly #decoder = new HeaderDecoder()
  readonly #guard = new AbuseGuard()
  readonly #window = new ReceiveWindow(CONNECTION_WINDOW_BYTES)
  readonly #streams = new OpenStreams()
  readonly #settings = new PeerSettings()
  readonly #turns = new SendTurns()
  readonly #room = { isFull: () => this.writer.isFull, hasWindow: () => this.sendWindowBytes > 0 }
  /** Whose DATA is arriving. */
  #receiving: Http2Stream | undefined
  #hasTableUpdate = false
  #parting: NodeJS.Timeout | undefined
  #isClosing = false
  #isBroken = false

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`
    this.writer = new FrameWriter(socket)
    socket.on('data', (chunk: Buffer) => this.#attempt(() => this.#reader.push(chunk)))
    socket.on('drain', () => this.#attempt(() => this.#turns.run(this.#room)))
    // Nobody is there any more to whom anything could be sent.
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(this.#parting)
      this.#streams.abortAll()
    })
    // A connection that breaks is closed as well, which is what counts.
    socket.on('error', () => undefined)
    this.writer.settings([
      [Setting.MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams],
      [Setting.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
      [Setting.MAX_HEADER_LIST_SIZE, MAX_HEADER_LIST_BYTES],
    ])
    this.writer.windowUpdate(0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES)
  }

  get maxFrameBytes(): number {
    return this.#settings.maxFrameBytes
  }

  /** Refuses new requests, and closes the connection once those under way are done. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.writer.goAway(this.#streams.lastId, ErrorCode.NO_ERROR, '')
    this.#endIfDone()
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Cancels requests whose clients have done nothing for so long while it was their turn, in milliseconds. */
  watch(nowMs: number, idleTimeoutMs: number): void {
    this.#attempt(() => {
      for (const stream of this.#streams.values()) stream.watch(nowMs, idleTimeoutMs)
    })
  }

  takeTableUpdate(): boolean {
    const isDue = !this.#hasTableUpdate
    this.#hasTableUpdate = true
    return isDue
  }

  schedule(stream: Http2Stream): void {
    this.#turns.add(stream)
    this.#turns.run(this.#room)
  }

  noteSent(bytes: number): void {
    this.sendWindowBytes -= bytes
    this.#guard.noteProgress()
  }

  take(bytes: number): void {
    const incrementBytes = this.#window.take(bytes)
    if (incrementBytes > 0) this.writer.windowUpdate(0, incrementBytes)
  }

  forget(stream: Http2Stream, isReset: boolean): void {
    this.#turns.delete(stream)
    if (this.#receiving === stream) this.#receiving = undefined
    this.#streams.end(stream.id, isReset)
    this.#endIfDone()
  }

  onHeaders(streamId: number, block: Buffer, hasEnded: boolean, dependsOn: number | undefined): void {
    const fields = this.#decoder.decode(block, MAX_HEADER_LIST_BYTES)
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) {
      this.#takeTrailers(stream, fields, hasEnded)
      return
    }
    if (!this.#streams.begin(streamId)) return
    this.#guard.noteProgress()
    const refusal = this.#refusalOf(streamId, dependsOn)
    const headers = fields === undefined ? undefined : requestFields(fields)
    if (refusal !== undefined || (fields !== undefined && headers === undefined)) {
      this.#reset(streamId, refusal ?? ErrorCode.PROTOCOL_ERROR)
      return
    }
    const request = { id: streamId, headers: headers ?? {}, hasEnded, sendWindowBytes: this.#settings.windowBytes }
    const opened = new Http2Stream(this, request)
    this.#streams.add(opened)
    if (headers === undefined) {
      // The fields are more than they may be (RFC 6585, section 5).
      opened.end({ ':status': '431' })
      return
    }
    this.#options.onRequest(opened)
    if (hasEnded) this.#endOf(opened)
  }

  onData(streamId: number, flowBytes: number, paddingBytes: number): void {
    if (flowBytes === paddingBytes) this.#guard.noteIdleFrame()
    if (!this.#window.receive(flowBytes)) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'more DATA than the connection may carry')
    }
    const stream = this.#streams.find(streamId)
    const problem = stream?.receive(flowBytes, paddingBytes)
    this.#receiving = problem === undefined ? stream : undefined
    if (this.#receiving !== undefined) return
    this.take(paddingBytes)
    if (stream !== undefined) this.#fail(stream, problem as ErrorCode)
    // What was under way when we ended it is nobody's fault.
    else if (!this.#streams.wasReset(streamId)) this.#reset(streamId, ErrorCode.STREAM_CLOSED)
  }

  onContent(piece: Buffer): void {
    const stream = this.#receiving
    if (stream === undefined) {
      // What nobody wants is taken all the same.
      this.take(piece.byteLength)
      return
    }
    this.#guard.noteProgress()
    stream.receiveContent(piece)
  }

  onDataEnd(hasEnded: boolean): void {
    const stream = this.#receiving
    this.#receiving = undefined
    if (stream !== undefined && hasEnded) this.#endOf(stream)
  }

  onReset(streamId: number): void {
    const stream = this.#streams.find(streamId)
    if (stream === undefined) return
    stream.abort()
    this.#guard.noteReset()
  }

  onPriority(streamId: number, dependsOn: number): void {
    this.#guard.noteIdleFrame()
    if (dependsOn !== streamId) return
    const stream = this.#streams.get(streamId)
    if (stream !== undefined) this.#fail(stream, ErrorCode.PROTOCOL_ERROR)
    else this.#reset(streamId, ErrorCode.PROTOCOL_ERROR)
  }

  onSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    this.#guard.noteIdleFrame()
    // What is open grows or shrinks along (RFC 9113, section 6.9.2).
    for (const stream of this.#streams.grow(this.#settings.apply(settings))) this.#turns.add(stream)
    this.writer.acknowledge(FrameType.SETTINGS)
    this.#turns.run(this.#room)
  }

  onPing(payload: Buffer): void {
    this.#guard.noteIdleFrame()
    this.writer.acknowledge(FrameType.PING, payload)
  }

  onWindowUpdate(streamId: number, incrementBytes: number): void {
    this.#guard.noteIdleFrame()
    if (streamId === 0) {
      this.sendWindowBytes += incrementBytes
      if (incrementBytes === 0) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'a window grows by nothing')
      if (this.sendWindowBytes > MAX_WINDOW_BYTES) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'the window of the connection is too large')
      }
    } else {
      const stream = this.#streams.find(streamId)
      if (stream === undefined) return
      if (incrementBytes === 0) this.#fail(stream, ErrorCode.PROTOCOL_ERROR)
      else if (!stream.grow(incrementBytes)) this.#fail(stream, ErrorCode.FLOW_CONTROL_ERROR)
      else if (stream.isSending) this.#turns.add(stream)
    }
    this.#turns.run(this.#room)
  }

  onNothing(): void {
    this.#guard.noteIdleFrame()
  }

  /** Does what may find that the connection cannot go on. */
  #attempt(action: () => void): void {
    if (this.#isBroken) return
    try {
      action()
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      this.#break(error)
    }
  }

  #break({ code, message }: ConnectionError): void {
    this.#isBroken = true
    this.#isClosing = true
    this.writer.goAway(this.#streams.lastId, code, message)
    this.writer.flush()
    this.#streams.abortAll()
    this.#startParting()
    this.#socket.destroySoon()
  }

  #endIfDone(): void {
    if (!this.#isClosing || this.#isBroken || this.#streams.size > 0) return
    this.writer.flush()
    // A client that has everything, and does not close its side, is not waited for.
    this.#socket.end(() => this.#startParting())
  }

  #startParting(): void {
    this.#parting ??= setTimeout(() => this.#socket.destroy(), PARTING_MS).unref()
  }

  #refusalOf(streamId: number, dependsOn: number | undefined): ErrorCode | undefined {
    if (dependsOn === streamId) return ErrorCode.PROTOCOL_ERROR
    if (this.#isClosing || this.#streams.size >= this.#options.maxConcurrentStreams) return ErrorCode.REFUSED_STREAM
    return undefined
  }

  #takeTrailers(stream: Http2Stream, fields: readonly Field[] | undefined, hasEnded: boolean): void {
    if (stream.hasClientEnded) this.#fail(stream, ErrorCode.STREAM_CLOSED)
    else if (!hasEnded || fields === undefined || !areTrailersValid(fields))
      this.#fail(stream, ErrorCode.PROTOCOL_ERROR)
    else this.#endOf(stream)
  }

  #endOf(stream: Http2Stream): void {
    const problem = stream.receiveEnd()
    if (problem !== undefined) this.#fail(stream, problem)
  }

  #fail(stream: Http2Stream, code: ErrorCode): void {
    stream.abort(code)
    this.#guard.noteReset()
  }

  #reset(streamId: number, code: ErrorCode): void {
    this.writer.reset(streamId, code)
    this.#streams.end(streamId, true)
    this.#guard.noteReset()
  }
}
