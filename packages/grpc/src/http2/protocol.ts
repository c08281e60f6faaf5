/** The types of frames (RFC 9113, section 6). */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

/** The flags of frames; which has which is said with each (RFC 9113, section 6). */
export const FrameFlag = { END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const

/** Why a stream or a connection ends (RFC 9113, section 7). */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const

/** One of {@link ErrorCode}. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

/** What each side tells of itself (RFC 9113, section 6.5.2). */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const

/** What precedes the payload of every frame, in bytes (RFC 9113, section 4.1). */
export const FRAME_HEAD_BYTES = 9

/** How a connection of a client begins (RFC 9113, section 3.4). */
export const CLIENT_PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** The size of windows that nobody has changed, in bytes (RFC 9113, section 6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535

/** The largest window, in bytes (RFC 9113, section 6.9.1). */
export const MAX_WINDOW_BYTES: number = 2 ** 31 - 1

/** The largest frame that everybody takes, in bytes of payload, and the largest that a setting may allow (RFC 9113, section 6.5.2). */
export const DEFAULT_MAX_FRAME_BYTES = 16_384
export const LARGEST_MAX_FRAME_BYTES: number = 2 ** 24 - 1

/** What a client did that its connection cannot go on after (RFC 9113, section 5.4.1). */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
