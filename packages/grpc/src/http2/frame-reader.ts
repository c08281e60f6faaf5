import {
  CLIENT_PREFACE,
  ConnectionError,
  DEFAULT_MAX_FRAME_BYTES,
  ErrorCode,
  FRAME_HEAD_BYTES,
  FrameFlag,
  FrameType,
} from './protocol.ts'

/** What a header block may come to, in bytes, and in how many frames: more are no request but an attack. */
const MAX_HEADER_BLOCK_BYTES = 64 * 1024
const MAX_HEADER_FRAMES = 32

/** There are six settings, and few that others have thought of. */
const MAX_SETTINGS = 32

/** What a {@link FrameReader} tells of. */
export interface FrameHandler {
  /** A whole header block. `dependsOn`: the stream that the client would have before it, if it says. */
  onHeaders(streamId: number, block: Buffer, hasEnded: boolean, dependsOn: number | undefined): void
  /** DATA begins, which counts for `flowBytes` in the windows; of these, `paddingBytes` are no content. */
  onData(streamId: number, flowBytes: number, paddingBytes: number): void
  /** A piece of the content of the DATA that has begun. It may share memory with what arrived around it. */
  onContent(piece: Buffer): void
  /** The DATA that has begun is complete; `hasEnded`: the client sends nothing further on its stream. */
  onDataEnd(hasEnded: boolean): void
  onReset(streamId: number): void
  onPriority(streamId: number, dependsOn: number): void
  /** Pairs of a setting and its value. */
  onSettings(settings: readonly (readonly [id: number, value: number])[]): void
  onPing(payload: Buffer): void
  onWindowUpdate(streamId: number, incrementBytes: number): void
  /** Something that asks for nothing: an acknowledgement, the client's going away, a frame that nobody knows. */
  onNothing(): void
}

/** A header block of which not everything has arrived. */
interface OpenBlock {
  readonly streamId: number
  readonly hasEnded: boolean
  readonly dependsOn: number | undefined
  readonly parts: Buffer[]
  bytes: number
}

/** Cuts what arrives on a connection into frames, without waiting for the whole of a DATA frame (RFC 9113, sections 4 and 6). */
export class FrameReader {
  readonly #handler: FrameHandler
  /** Received, but not yet a whole frame. */
  #rest: Buffer | undefined
  #hasPreface = false
  #hasSettings = false
  #block: OpenBlock | undefined
  /** What is still to come of the DATA frame that has begun. */
  #contentBytes = 0
  #paddingBytes = 0
  #isInData = false
  #dataEnds = false

  constructor(handler: FrameHandler) {
    this.#handler = handler
  }

  /**
   * Takes what has arrived.
   *
   * @throws ConnectionError when it is not as the protocol has it.
   */
  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    let at = this.#hasPreface ? 0 : this.#readPreface(bytes)
    for (let used = -1; this.#hasPreface && used !== 0 && at < bytes.byteLength; at += used) {
      used = this.#isInData ? this.#readData(bytes, at) : this.#readFrame(bytes, at)
    }
    this.#rest = at < bytes.byteLength ? bytes.subarray(at) : undefined
  }

  #readPreface(bytes: Buffer): number {
    const length = Math.min(bytes.byteLength, CLIENT_PREFACE.byteLength)
    if (CLIENT_PREFACE.compare(bytes, 0, length, 0, length) !== 0) {
      throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, 'this is not HTTP/2')
    }
    this.#hasPreface = length === CLIENT_PREFACE.byteLength
    return this.#hasPreface ? length : 0
  }

  /** Reads the frame at a place; returns its size, or 0 when it is not all there. */
  #readFrame(bytes: Buffer, at: number): number {
    if (bytes.byteLength - at < FRAME_HEAD_BYTES) return 0
    const length = bytes.readUIntBE(at, 3)
    const type = bytes[at + 3] as number
    const flags = bytes[at + 4] as number
    const streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff
    if (length > DEFAULT_MAX_FRAME_BYTES) throw frameSizeError(`a frame of ${length} bytes`)
    this.#checkOrder(type, flags, streamId)
    const start = at + FRAME_HEAD_BYTES
    if (type === FrameType.DATA) return this.#beginData(bytes, start, length, flags, streamId)
    if (bytes.byteLength < start + length) return 0
    this.#takeFrame(type, flags, streamId, bytes.subarray(start, start + length))
    return FRAME_HEAD_BYTES + length
  }

  /** Nothing may come between the frames of a header block (RFC 9113, section 4.3), or before the settings (3.4). */
  #checkOrder(type: number, flags: number, streamId: number): void {
    const isContinued = this.#block !== undefined
    if (isContinued !== (type === FrameType.CONTINUATION) || (isContinued && streamId !== this.#block?.streamId)) {
      throw protocolError(`a frame of type ${type} at the wrong place`)
    }
    if (this.#hasSettings) return
    if (type !== FrameType.SETTINGS || (flags & FrameFlag.ACK) !== 0) throw protocolError('no settings came first')
    this.#hasSettings = true
  }

  #beginData(bytes: Buffer, start: number, length: number, flags: number, streamId: number): number {
    if (streamId === 0) throw protocolError('DATA without a stream')
    const isPadded = (flags & FrameFlag.PADDED) !== 0
    if (isPadded && bytes.byteLength === start && length > 0) return 0
    const padding = isPadded ? paddingOf(bytes, start, length) : 0
    const headBytes = isPadded ? 1 : 0
    this.#isInData = true
    this.#dataEnds = (flags & FrameFlag.END_STREAM) !== 0
    this.#contentBytes = length - headBytes - padding
    this.#paddingBytes = padding
    this.#handler.onData(streamId, length, headBytes + padding)
    if (this.#contentBytes + padding === 0) this.#endData()
    return FRAME_HEAD_BYTES + headBytes
  }

  #readData(bytes: Buffer, at: number): number {
    const content = Math.min(this.#contentBytes, bytes.byteLength - at)
    if (content > 0) {
      this.#contentBytes -= content
      this.#handler.onContent(bytes.subarray(at, at + content))
    }
    const padding = Math.min(this.#paddingBytes, bytes.byteLength - at - content)
    this.#paddingBytes -= padding
    if (this.#contentBytes + this.#paddingBytes === 0) this.#endData()
    return content + padding
  }

  #endData(): void {
    this.#isInData = false
    this.#handler.onDataEnd(this.#dataEnds)
  }

  #takeFrame(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === FrameType.HEADERS) this.#beginBlock(flags, streamId, payload)
    else if (type === FrameType.CONTINUATION) this.#continueBlock(flags, payload)
    else if (type === FrameType.WINDOW_UPDATE) this.#takeWindowUpdate(streamId, payload)
    else if (type === FrameType.SETTINGS) this.#takeSettings(flags, streamId, payload)
    else if (type === FrameType.PING) this.#takePing(flags, streamId, payload)
    else if (type === FrameType.RST_STREAM) this.#takeReset(streamId, payload)
    else if (type === FrameType.PRIORITY) this.#takePriority(streamId, payload)
    else if (type === FrameType.PUSH_PROMISE) throw protocolError('clients do not push')
    else if (type === FrameType.GOAWAY && streamId !== 0) throw protocolError('GOAWAY of a stream')
    else this.#handler.onNothing()
  }

  #beginBlock(flags: number, streamId: number, payload: Buffer): void {
    if (streamId === 0) throw protocolError('HEADERS without a stream')
    const isPadded = (flags & FrameFlag.PADDED) !== 0
    const padding = isPadded ? paddingOf(payload, 0, payload.byteLength) : 0
    let start = isPadded ? 1 : 0
    let dependsOn: number | undefined
    if ((flags & FrameFlag.PRIORITY) !== 0) {
      if (payload.byteLength < start + 5 + padding) throw frameSizeError('HEADERS too short for its priority')
      dependsOn = payload.readUInt32BE(start) & 0x7fffffff
      start += 5
    }
    const part = payload.subarray(start, payload.byteLength - padding)
    const hasEnded = (flags & FrameFlag.END_STREAM) !== 0
    if ((flags & FrameFlag.END_HEADERS) !== 0) this.#handler.onHeaders(streamId, part, hasEnded, dependsOn)
    else this.#block = { streamId, hasEnded, dependsOn, parts: [part], bytes: part.byteLength }
  }

  #continueBlock(flags: number, payload: Buffer): void {
    const block = this.#block as OpenBlock
    block.parts.push(payload)
    block.bytes += payload.byteLength
    if (block.bytes > MAX_HEADER_BLOCK_BYTES || block.parts.length > MAX_HEADER_FRAMES) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'a header block is too long')
    }
    if ((flags & FrameFlag.END_HEADERS) === 0) return
    this.#block = undefined
    this.#handler.onHeaders(block.streamId, Buffer.concat(block.parts), block.hasEnded, block.dependsOn)
  }

  #takeWindowUpdate(streamId: number, payload: Buffer): void {
    if (payload.byteLength !== 4) throw frameSizeError('WINDOW_UPDATE')
    this.#handler.onWindowUpdate(streamId, payload.readUInt32BE(0) & 0x7fffffff)
  }

  #takeSettings(flags: number, streamId: number, payload: Buffer): void {
    const isAck = (flags & FrameFlag.ACK) !== 0
    if (streamId !== 0) throw protocolError('SETTINGS of a stream')
    if (payload.byteLength % 6 !== 0 || (isAck && payload.byteLength > 0)) throw frameSizeError('SETTINGS')
    if (isAck) {
      this.#handler.onNothing()
      return
    }
    const count = payload.byteLength / 6
    if (count > MAX_SETTINGS) throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `${count} settings in one frame`)
    this.#handler.onSettings(
      Array.from({ length: count }, (_, index) => [
        payload.readUInt16BE(index * 6),
        payload.readUInt32BE(index * 6 + 2),
      ]),
    )
  }

  #takePing(flags: number, streamId: number, payload: Buffer): void {
    if (streamId !== 0) throw protocolError('PING of a stream')
    if (payload.byteLength !== 8) throw frameSizeError('PING')
    if ((flags & FrameFlag.ACK) === 0) this.#handler.onPing(payload)
    else this.#handler.onNothing()
  }

  #takeReset(streamId: number, payload: Buffer): void {
    if (streamId === 0) throw protocolError('RST_STREAM without a stream')
    if (payload.byteLength !== 4) throw frameSizeError('RST_STREAM')
    this.#handler.onReset(streamId)
  }

  #takePriority(streamId: number, payload: Buffer): void {
    if (streamId === 0) throw protocolError('PRIORITY without a stream')
    if (payload.byteLength !== 5) throw frameSizeError('PRIORITY')
    this.#handler.onPriority(streamId, payload.readUInt32BE(0) & 0x7fffffff)
  }
}

/** How much of a padded payload is padding (RFC 9113, section 6.1). */
function paddingOf(bytes: Buffer, start: number, length: number): number {
  const padding = bytes[start] ?? 0
  if (padding >= length) throw protocolError('more padding than there is payload')
  return padding
}

function protocolError(problem: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, problem)
}

function frameSizeError(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${what}: it has not the size that it must have`)
}
