import type { Socket } from 'node:net'
import type { ErrorCode } from './protocol.ts'
import { ConnectionError, ErrorCode as Code, FRAME_HEAD_BYTES, FrameFlag, FrameType } from './protocol.ts'

/** Small things are put together in buffers of this size. */
const SLAB_BYTES = 8 * 1024

/** What is smaller is copied: a buffer more to write costs more than that. */
const COPY_BELOW_BYTES = 1024

/**
 * What has come together is given to the socket at once when it is so much, in bytes: more than the largest message of a read with
 * its frames, which so leaves with one system call.
 */
const FLUSH_AT_BYTES = 320 * 1024

/** So many answers to what asks for nothing else may wait for a client that does not read them. */
const MAX_WAITING_REPLIES = 1000

const NOTHING = Buffer.alloc(0)

/** Writes frames to a socket: all of one turn of the event loop together. */
export class FrameWriter {
  readonly #socket: Socket
  #slab = NOTHING
  /** What of the slab is not yet among the chunks. */
  #start = 0
  #end = 0
  #chunks: Uint8Array[] = []
  /** Called once the socket has taken the chunks. */
  #whenTaken: (() => void)[] = []
  #bytes = 0
  #isFlushPlanned = false
  #waitingReplies = 0
  readonly #flush = (): void => {
    this.#isFlushPlanned = false
    this.flush()
  }

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('drain', () => {
      this.#waitingReplies = 0
    })
  }

  /** Whether the client has to read before more is written; the socket then emits `drain`, or is closed. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain || !this.#socket.writable
  }

  /** Writes a whole frame. The payload must not change any more. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.head(payload.byteLength, type, flags, streamId)
    this.payload(payload)
  }

  /** Writes what precedes the payload of a frame. */
  head(length: number, type: number, flags: number, streamId: number): void {
    const at = this.#reserve(FRAME_HEAD_BYTES)
    const slab = this.#slab
    slab[at] = length >> 16
    slab[at + 1] = length >> 8
    slab[at + 2] = length
    slab[at + 3] = type
    slab[at + 4] = flags
    slab.writeUInt32BE(streamId, at + 5)
  }

  /**
   * Writes a part of a payload, as many as there are after each head. It must not change before `onTaken` is called, which
   * tells that the socket has taken it and what came before it; it is not called when the connection breaks before.
   */
  payload(part: Uint8Array, onTaken?: () => void): void {
    if (onTaken !== undefined) this.#whenTaken.push(onTaken)
    if (part.byteLength < COPY_BELOW_BYTES) {
      const at = this.#reserve(part.byteLength)
      this.#slab.set(part, at)
    } else {
      this.#cut()
      this.#chunks.push(part)
      this.#bytes += part.byteLength
    }
    if (this.#bytes >= FLUSH_AT_BYTES) this.flush()
    this.#planFlush()
  }

  windowUpdate(streamId: number, incrementBytes: number): void {
    this.head(4, FrameType.WINDOW_UPDATE, 0, streamId)
    this.#uint32(incrementBytes)
  }

  reset(streamId: number, code: ErrorCode): void {
    this.head(4, FrameType.RST_STREAM, 0, streamId)
    this.#uint32(code)
  }

  settings(settings: readonly (readonly [id: number, value: number])[]): void {
    const payload = Buffer.alloc(settings.length * 6)
    for (const [index, [id, value]] of settings.entries()) {
      payload.writeUInt16BE(id, index * 6)
      payload.writeUInt32BE(value, index * 6 + 2)
    }
    this.frame(FrameType.SETTINGS, 0, 0, payload)
  }

  /** Throws when too many wait for a client that does not read them. */
  acknowledge(type: number, payload: Uint8Array = NOTHING): void {
    this.frame(type, FrameFlag.ACK, 0, payload)
    if (!this.isFull) return
    this.#waitingReplies += 1
    if (this.#waitingReplies <= MAX_WAITING_REPLIES) return
    throw new ConnectionError(Code.ENHANCE_YOUR_CALM, 'answers are asked for and not read')
  }

  goAway(lastStreamId: number, code: ErrorCode, message: string): void {
    const payload = Buffer.alloc(8 + Buffer.byteLength(message))
    payload.writeUInt32BE(lastStreamId, 0)
    payload.writeUInt32BE(code, 4)
    payload.write(message, 8)
    this.frame(FrameType.GOAWAY, 0, 0, payload)
  }

  /** Gives the socket everything that is waiting. */
  flush(): void {
    this.#cut()
    const chunks = this.#chunks
    if (chunks.length === 0) return
    this.#chunks = []
    this.#bytes = 0
    const socket = this.#socket
    const callbacks = this.#whenTaken
    if (callbacks.length > 0) this.#whenTaken = []
    if (!socket.writable) return
    const last = chunks.pop() as Uint8Array
    if (chunks.length > 0) socket.cork()
    for (const chunk of chunks) socket.write(chunk)
    if (callbacks.length === 0) socket.write(last)
    else {
      socket.write(last, (error) => {
        if (!error) for (const callback of callbacks) callback()
      })
    }
    if (chunks.length > 0) socket.uncork()
  }

  #uint32(value: number): void {
    const at = this.#reserve(4)
    this.#slab.writeUInt32BE(value, at)
    this.#planFlush()
  }

  #reserve(length: number): number {
    if (this.#end + length > this.#slab.byteLength) {
      this.#cut()
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#start = 0
      this.#end = 0
    }
    const at = this.#end
    this.#end += length
    return at
  }

  #cut(): void {
    if (this.#end === this.#start) return
    this.#chunks.push(this.#slab.subarray(this.#start, this.#end))
    this.#bytes += this.#end - this.#start
    this.#start = this.#end
  }

  /** Not with every frame: what handlers answer in this turn goes out together, in one system call. */
  #planFlush(): void {
    if (this.#isFlushPlanned) return
    this.#isFlushPlanned = true
    process.nextTick(this.#flush)
  }
}
