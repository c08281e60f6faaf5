import {
  ConnectionError,
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  LARGEST_MAX_FRAME_BYTES,
  MAX_WINDOW_BYTES,
  Setting,
} from './protocol.ts'

/** What a client has told of itself (RFC 9113, section 6.5.2), as far as it matters to who only answers. */
export class PeerSettings {
  #maxFrameBytes = DEFAULT_MAX_FRAME_BYTES as number
  #windowBytes = DEFAULT_WINDOW_BYTES as number

  /** The largest frame that it takes, in bytes of payload. */
  get maxFrameBytes(): number {
    return this.#maxFrameBytes
  }

  /** What it takes on a new stream, in bytes. */
  get windowBytes(): number {
    return this.#windowBytes
  }

  /**
   * Takes settings; returns by how much the windows of open streams grow, or shrink, with them.
   *
   * @throws ConnectionError for values that there are not.
   */
  apply(settings: readonly (readonly [id: number, value: number])[]): number {
    const before = this.#windowBytes
    for (const [id, value] of settings) this.#set(id, value)
    return this.#windowBytes - before
  }

  #set(id: number, value: number): void {
    if (id === Setting.INITIAL_WINDOW_SIZE) {
      if (value > MAX_WINDOW_BYTES) throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large')
      this.#windowBytes = value
    } else if (id === Setting.MAX_FRAME_SIZE) {
      if (value < DEFAULT_MAX_FRAME_BYTES || value > LARGEST_MAX_FRAME_BYTES) throw badSetting('MAX_FRAME_SIZE', value)
      this.#maxFrameBytes = value
    } else if (id === Setting.ENABLE_PUSH && value > 1) {
      throw badSetting('ENABLE_PUSH', value)
    }
  }
}

function badSetting(name: string, value: number): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, `the setting ${name} cannot be ${value}`)
}
