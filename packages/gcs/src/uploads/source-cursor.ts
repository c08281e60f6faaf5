import { abortable } from '@caskade/core'
import type { HashedSource } from './hashed-source.ts'

/** Hands out the content of a source in portions, one after the other, and goes back to any place when it must. */
export class SourceCursor implements AsyncDisposable {
  readonly #source: HashedSource
  readonly #signal: AbortSignal | undefined
  #leaving = new AbortController()
  #pieces: AsyncGenerator<Uint8Array, void, undefined> | undefined
  #rest: Uint8Array | undefined
  #position = 0

  constructor(source: HashedSource, signal: AbortSignal | undefined) {
    this.#source = source
    this.#signal = signal
  }

  /** Hands out `length` bytes from `offset` on; they are read anew unless they are just what comes next. */
  async *take(offset: number, length: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#pieces === undefined || this.#position !== offset) await this.#goTo(offset)
    for (let left = length; left > 0;) {
      const piece = this.#rest ?? (await this.#next(signal))
      this.#rest = piece.byteLength > left ? piece.subarray(left) : undefined
      const part = piece.subarray(0, left)
      left -= part.byteLength
      this.#position += part.byteLength
      yield part
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort()
    const pieces = this.#pieces
    this.#pieces = undefined
    this.#rest = undefined
    await pieces?.return().catch(() => undefined)
  }

  async #goTo(offset: number): Promise<void> {
    await this[Symbol.asyncDispose]()
    this.#leaving = new AbortController()
    const { signal } = this.#leaving
    this.#pieces = this.#source.read(
      offset,
      this.#signal === undefined ? signal : AbortSignal.any([this.#signal, signal]),
    )
    this.#position = offset
  }

  async #next(signal: AbortSignal): Promise<Uint8Array> {
    const pieces = this.#pieces
    try {
      const result = pieces === undefined ? undefined : await abortable(pieces.next(), signal)
      if (result !== undefined && result.done !== true) return result.value
    } catch (error) {
      // What was on its way is lost, so whoever goes on begins anew.
      await this[Symbol.asyncDispose]()
      throw error
    }
    throw new Error('the source ended before its length')
  }
}
