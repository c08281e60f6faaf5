import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { parseTimeout } from './deadline.ts'
import { Deadlines } from './deadlines.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

test('what has expired is told once, in the order of the deadlines, and what was deleted never', () => {
  const deadlines = new Deadlines()
  const expired: string[] = []
  const expiring = (name: string): { expire: () => void } => ({ expire: () => expired.push(name) })
  const given = expiring('given up')
  deadlines.add(expiring('late'), 60_000)
  deadlines.add(given, 500)
  deadlines.add(expiring('early'), 1000)
  deadlines.delete(given)

  vi.advanceTimersByTime(998)
  expect(expired).toEqual([])
  vi.advanceTimersByTime(50)
  expect(expired).toEqual(['early'])
  vi.advanceTimersByTime(120_000)

  expect(expired).toEqual(['early', 'late'])
  expect(vi.getTimerCount()).toBe(0)
})

test('one timer is enough for all, and close deadlines are looked at together', () => {
  const deadlines = new Deadlines()
  const expire = vi.fn<() => void>()
  for (let index = 0; index < 1000; index += 1) deadlines.add({ expire }, 5000 + index / 100)

  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(5000 + 2 * 25 + 10)

  expect(expire).toHaveBeenCalledTimes(1000)
})

test('a deadline that no timer reaches is waited for in several steps', () => {
  const deadlines = new Deadlines()
  const expire = vi.fn<() => void>()
  const years = 2 ** 33
  deadlines.add({ expire }, years)

  vi.advanceTimersByTime(2 ** 32)
  expect(expire).not.toHaveBeenCalled()
  vi.advanceTimersByTime(2 ** 32 + 100)

  expect(expire).toHaveBeenCalledTimes(1)
})

test.each([
  ['1n', 1],
  ['20m', 20],
  ['59990000u', 59_990],
  ['1500u', 2],
  ['99999999H', 99_999_999 * 3_600_000],
  ['0S', 0],
])('grpc-timeout %s is %d ms', (text, milliseconds) => {
  expect(parseTimeout(text)).toBe(milliseconds)
})

test.each(['', 'm', '1', '1 m', '-1m', '123456789m', '1.5S', '1x', '1mm'])('grpc-timeout %j is malformed', (text) => {
  expect(() => parseTimeout(text)).toThrow('is not a timeout')
})
