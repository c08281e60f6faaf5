import { createCipheriv, createHash } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import type { Digest } from '../messages.ts'
import { DigestSchema } from '../messages.ts'

/** Random values that are the same for the same seed. */
export class Random {
  readonly #stream: ReturnType<typeof createCipheriv>

  constructor(seed: number) {
    const key = createHash('sha256').update(String(seed)).digest()
    this.#stream = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  }

  bytes(count: number): Buffer {
    return this.#stream.update(Buffer.alloc(count))
  }

  below(limit: number): number {
    return this.bytes(4).readUInt32LE() % limit
  }

  pick<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0]
  }

  list<Item>(make: () => Item): Item[] {
    return Array.from({ length: this.below(6) }, make)
  }

  hex(length: number): string {
    return this.bytes(Math.ceil(length / 2))
      .toString('hex')
      .slice(0, length)
  }

  text(): string {
    return this.pick(['', 'main', 'a/b', 'naïve', '名前', '🙂', 'x'.repeat(200)])
  }

  /** Of an enumeration that may have been extended. */
  enumValue<Value extends number>(): Value {
    return this.pick([0, 1, 2, 9, 300, 2 ** 31 - 1, -1]) as Value
  }

  /** A digest of a request, which nobody has checked. */
  digest(): Digest {
    return create(DigestSchema, {
      hash: this.pick([this.hex(64), this.hex(40), '', 'ABC', this.text()]),
      sizeBytes: this.pick([
        0n,
        1n,
        127n,
        128n,
        2n ** 31n,
        2n ** 32n + 5n,
        2n ** 53n - 1n,
        2n ** 62n,
        -1n,
        -(2n ** 63n),
      ]),
    })
  }

  /** A message with fields in it that nobody knows: one of each kind, in front and behind. */
  scrambled(message: Uint8Array): Buffer {
    const unknown = [
      [0xf8, 0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8],
      [0xfa, 0x07, 3, 1, 2, 3],
      [0xfb, 0x07, 0x08, 1, 0xfc, 0x07],
      [0xfd, 0x07, 1, 2, 3, 4],
    ]
    const some = (): Buffer => Buffer.from(unknown.filter(() => this.below(2) > 0).flat())
    return Buffer.concat([some(), message, some()])
  }
}
