import { describe, expect, test } from 'vitest'
import { frameMessage } from './encoded-message.ts'
import { MessageBuffers } from './message-buffers.ts'
import { MessageParser } from './message-parser.ts'
import { ReceiveBudget } from './receive-budget.ts'

const messages = [0, 1, 5, 300, 0, 70_000, 200_000].map((size, index) => Buffer.alloc(size, index + 1))
const stream = Buffer.concat(messages.flatMap((message) => frameMessage(message)))

function parserOf(maxMessageBytes: number, budget: ReceiveBudget, buffers = new MessageBuffers()): MessageParser {
  return new MessageParser(maxMessageBytes, budget, buffers)
}

function parseInPieces(pieceSizes: Iterable<number>): Buffer[] {
  const parser = parserOf(1_000_000, new ReceiveBudget(1_000_000))
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
    const parser = parserOf(4_000_000_000, new ReceiveBudget(1_000_000))
    const before = process.memoryUsage().arrayBuffers

    for (let round = 0; round < 100; round++) {
      const fresh = parserOf(4_000_000_000, new ReceiveBudget(1_000_000))
      fresh.push(Buffer.from([0, 238, 0, 0, 0, 1]))
    }
    parser.push(Buffer.from([0, 238, 0, 0, 0, 1]))

    expect(parser.isWithinMessage).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
  })

  test('hands out a message that arrived in one piece without copying it', () => {
    const parser = parserOf(1000, new ReceiveBudget(1000))
    const chunk = Buffer.concat(frameMessage(Buffer.from('hello')))

    const [message] = parser.push(chunk)

    expect(message?.buffer).toBe(chunk.buffer)
  })
})

describe('MessageParser: the budget', () => {
  const budgetBytes = 900_000
  const most = Buffer.concat(frameMessage(Buffer.alloc(600_000))).subarray(0, 500_000)

  test('messages that are arriving count with what has arrived, until they are given up', () => {
    const budget = new ReceiveBudget(budgetBytes)
    const stalled = parserOf(1_000_000, budget)
    stalled.push(most)

    expect(() => parserOf(1_000_000, budget).push(most)).toThrow(/try again/)
    stalled.abandon()

    expect(parserOf(1_000_000, budget).push(most)).toEqual([])
  })

  test('messages that were returned count until they are given back, small ones not at all', () => {
    const budget = new ReceiveBudget(budgetBytes)
    const parser = parserOf(1_000_000, budget)
    const whole = Buffer.concat(frameMessage(Buffer.alloc(600_000)))
    parser.push(whole)

    expect(() => parser.push(whole)).toThrow(/try again/)
    const small = Buffer.concat(frameMessage(Buffer.alloc(60_000)))
    for (let count = 0; count < 100; count++) parserOf(1_000_000, budget).push(small)
    budget.giveBack(600_000)

    expect(parserOf(1_000_000, budget).push(whole)).toHaveLength(1)
  })

  test('messages that arrive together with a malformed one do not stay counted', () => {
    const budget = new ReceiveBudget(budgetBytes)
    const whole = Buffer.concat([...frameMessage(Buffer.alloc(600_000)), Buffer.from([1, 0, 0, 0, 0])])

    for (let round = 0; round < 3; round++) {
      expect(() => parserOf(1_000_000, budget).push(whole)).toThrow(/compressed/)
    }
  })
})

describe('frameMessage', () => {
  test('sends large parts as they are, and small ones in one buffer', () => {
    const large = Buffer.alloc(100_000)

    expect(frameMessage([Buffer.from('head'), large])[2]).toBe(large)
    expect(frameMessage([Buffer.from('a'), Buffer.from('b')])).toEqual([Buffer.from([0, 0, 0, 0, 2, 97, 98])])
  })
})

describe('messages whose memory is used again', () => {
  test('are what was sent, and share a few buffers', () => {
    const buffers = new MessageBuffers()
    const parser = parserOf(1_000_000, new ReceiveBudget(1_000_000), buffers)
    const used = new Set<ArrayBufferLike>()

    for (let round = 0; round < 50; round++) {
      const sizes = [16_400 + round, 5000, 60_000]
      const sent = Buffer.concat(sizes.flatMap((size) => frameMessage(Buffer.alloc(size, round))))
      const parsed = [sent.subarray(0, 9000), sent.subarray(9000, 30_000), sent.subarray(30_000)].flatMap((piece) =>
        parser.push(piece),
      )
      for (const [index, size] of sizes.entries()) expect(parsed[index]?.equals(Buffer.alloc(size, round))).toBe(true)
      for (const message of parsed) {
        if (message.buffer !== sent.buffer) used.add(message.buffer)
        buffers.giveBack(message.subarray(10))
      }
    }

    expect(used.size).toBeLessThan(6)
  })

  test('are not used twice at the same time, whoever gives back what', () => {
    const buffers = new MessageBuffers()
    const [message, foreign] = [buffers.take(20_000), Buffer.alloc(20_000)]

    for (const each of [message, message, foreign]) buffers.giveBack(each)

    expect(buffers.take(19_000).buffer).toBe(message.buffer)
    expect([message.buffer, foreign.buffer]).not.toContain(buffers.take(20_000).buffer)
  })

  test('keep no more than a few megabytes', () => {
    const buffers = new MessageBuffers()
    const many = Array.from({ length: 200 }, () => buffers.take(65_536))

    for (const message of many) buffers.giveBack(message)

    const known = new Set(many.map(({ buffer }) => buffer))
    const again = many.map(() => buffers.take(65_536))
    expect(again.filter(({ buffer }) => known.has(buffer))).toHaveLength(64)
  })
})
