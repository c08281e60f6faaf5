import { describe, expect, test } from 'vitest'
import { frameMessage } from './encoded-message.ts'
import { MessageParser } from './message-parser.ts'
import { ReceiveBudget } from './receive-budget.ts'

const messages = [0, 1, 5, 300, 0, 70_000, 200_000].map((size, index) => Buffer.alloc(size, index + 1))
const stream = Buffer.concat(messages.flatMap((message) => frameMessage(message)))

function parseInPieces(pieceSizes: Iterable<number>): Buffer[] {
  const parser = new MessageParser(1_000_000, new ReceiveBudget(1_000_000))
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
    const parser = new MessageParser(4_000_000_000, new ReceiveBudget(1_000_000))
    const before = process.memoryUsage().arrayBuffers

    for (let round = 0; round < 100; round++) {
      const fresh = new MessageParser(4_000_000_000, new ReceiveBudget(1_000_000))
      fresh.push(Buffer.from([0, 238, 0, 0, 0, 1]))
    }
    parser.push(Buffer.from([0, 238, 0, 0, 0, 1]))

    expect(parser.isWithinMessage).toBe(true)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000)
  })

  test('hands out a message that arrived in one piece without copying it', () => {
    const parser = new MessageParser(1000, new ReceiveBudget(1000))
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
    const stalled = new MessageParser(1_000_000, budget)
    stalled.push(most)

    expect(() => new MessageParser(1_000_000, budget).push(most)).toThrow(/try again/)
    stalled.abandon()

    expect(new MessageParser(1_000_000, budget).push(most)).toEqual([])
  })

  test('messages that were returned count until they are given back, small ones not at all', () => {
    const budget = new ReceiveBudget(budgetBytes)
    const parser = new MessageParser(1_000_000, budget)
    const whole = Buffer.concat(frameMessage(Buffer.alloc(600_000)))
    parser.push(whole)

    expect(() => parser.push(whole)).toThrow(/try again/)
    const small = Buffer.concat(frameMessage(Buffer.alloc(60_000)))
    for (let count = 0; count < 100; count++) new MessageParser(1_000_000, budget).push(small)
    budget.giveBack(600_000)

    expect(new MessageParser(1_000_000, budget).push(whole)).toHaveLength(1)
  })

  test('messages that arrive together with a malformed one do not stay counted', () => {
    const budget = new ReceiveBudget(budgetBytes)
    const whole = Buffer.concat([...frameMessage(Buffer.alloc(600_000)), Buffer.from([1, 0, 0, 0, 0])])

    for (let round = 0; round < 3; round++) {
      expect(() => new MessageParser(1_000_000, budget).push(whole)).toThrow(/compressed/)
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
