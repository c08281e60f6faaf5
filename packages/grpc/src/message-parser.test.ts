import { describe, expect, test } from 'vitest'
import { frameMessage } from './encoded-message.ts'
import { MessageParser } from './message-parser.ts'

const messages = [0, 1, 5, 300, 0, 70_000, 200_000].map((size, index) => Buffer.alloc(size, index + 1))
const stream = Buffer.concat(messages.flatMap((message) => frameMessage(message)))

function parseInPieces(pieceSizes: Iterable<number>): Buffer[] {
  const parser = new MessageParser(1_000_000)
  const parsed: Buffer[] = []
  let at = 0
  for (const size of pieceSizes) {
    parsed.push(...parser.push(stream.subarray(at, at + size)))
    at += size
    if (at >= stream.byteLength) break
  }
  expect(parser.isWithinMessage).toBe(false)
  return parsed
}

function* always(size: number): Generator<number, void, undefined> {
  for (;;) yield size
}

describe('MessageParser', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 1000, 16_384, 65_536, 1_000_000])(
    'finds every message when the stream arrives in pieces of %i bytes',
    (size) => {
      const parsed = parseInPieces(always(size))

      expect(parsed).toHaveLength(messages.length)
      for (const [index, message] of messages.entries()) expect(parsed[index]?.equals(message)).toBe(true)
    },
  )

  test('does not set memory aside for what was only announced', () => {
    const parser = new MessageParser(4_000_000_000)
    const before = process.memoryUsage().arrayBuffers

    for (let round = 0; round < 100; round++) {
      const fresh = new MessageParser(4_000_000_000)
      fresh.push(Buffer.from([0, 238, 0, 0, 0, 1]))
    }
    parser.push(Buffer.from([0, 238, 0, 0, 0, 1]))

    expect(parser.isWithinMessage).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
  })

  test('hands out a message that arrived in one piece without copying it', () => {
    const parser = new MessageParser(1000)
    const chunk = Buffer.concat(frameMessage(Buffer.from('hello')))

    const [message] = parser.push(chunk)

    expect(message?.buffer).toBe(chunk.buffer)
  })
})

describe('frameMessage', () => {
  test('sends large parts as they are, and small ones in one buffer', () => {
    const large = Buffer.alloc(100_000)

    expect(frameMessage([Buffer.from('head'), large])[2]).toBe(large)
    expect(frameMessage([Buffer.from('a'), Buffer.from('b')])).toEqual([Buffer.from([0, 0, 0, 0, 2, 97, 98])])
  })
})
