import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { StorageEvent } from '../index.ts'
import { onStorageEvent } from '../index.ts'
import { BackgroundCopies } from './background-copies.ts'

let isRunning: boolean
let holds: number
let whenIdle: () => void
let events: StorageEvent[]
let endListening: () => void
let copies: BackgroundCopies

beforeEach(() => {
  isRunning = true
  holds = 0
  whenIdle = () => undefined
  events = []
  endListening = onStorageEvent((event) => events.push(event))
  copies = new BackgroundCopies({
    storageType: 'Test',
    isRunning: () => isRunning,
    hold: () => {
      holds += 1
      return () => {
        holds -= 1
        // The next copy begins right after this one has released.
        queueMicrotask(() => holds === 0 && whenIdle())
      }
    },
    maxRunning: 2,
    maxWaiting: 3,
  })
})

afterEach(() => endListening())

function idle(): Promise<void> {
  return new Promise((resolve) => {
    whenIdle = resolve
  })
}

/** A copy that goes on until it is told to end, or its signal is aborted. */
class Gate {
  readonly key: string
  signal: AbortSignal | undefined
  readonly #ended = Promise.withResolvers<void>()

  constructor(key: string) {
    this.key = key
  }

  readonly run = async (signal: AbortSignal): Promise<void> => {
    this.signal = signal
    signal.addEventListener('abort', () => this.#ended.reject(signal.reason))
    await this.#ended.promise
  }

  end(): void {
    this.#ended.resolve()
  }

  fail(error: Error): void {
    this.#ended.reject(error)
  }
}

function addGates(...keys: string[]): Gate[] {
  const gates = keys.map((key) => new Gate(key))
  for (const gate of gates) copies.add(gate)
  return gates
}

function begun(gates: readonly Gate[]): string {
  return gates
    .filter(({ signal }) => signal !== undefined)
    .map(({ key }) => key)
    .join('')
}

describe('BackgroundCopies', () => {
  test('runs a few at once, lets some wait in order, leaves out the rest, and holds its owner while one runs', async () => {
    const gates = addGates('a', 'b', 'c', 'd', 'e', 'f', 'g')
    expect([begun(gates), holds]).toEqual(['ab', 2])

    for (const gate of gates) gate.end()
    await idle()

    expect([begun(gates), holds]).toEqual(['abcde', 0])
  })

  test('makes no second copy of a key that waits or is under way, and another one later', async () => {
    const gates = addGates('a', 'b', 'c', 'a', 'c')
    for (const gate of gates) gate.end()
    await idle()
    expect(begun(gates)).toBe('abc')

    const [again] = addGates('a')

    expect(again?.signal).toBeDefined()
    again?.end()
  })

  test('reports a failure as an event, and goes on', async () => {
    const gates = addGates('a', 'b', 'c')
    const error = new Error('no luck')

    gates[0]?.fail(error)
    for (const gate of gates.slice(1)) gate.end()
    await idle()

    expect(events).toEqual([{ kind: 'copy-failure', storageType: 'Test', operation: 'copy', digest: undefined, error }])
    expect(begun(gates)).toBe('abc')
  })

  test('without: ends the copy of a key, forgets one that waits, and lets none begin until it is done', async () => {
    const gates = addGates('a', 'b', 'c')
    const later = await copies.without(['a', 'c'], {}, async () => addGates('a', 'c', 'd'))

    gates[1]?.end()
    for (const gate of later) gate.end()
    await idle()

    expect([begun(gates), begun(later)]).toEqual(['ab', 'd'])
    expect([gates[0]?.signal?.aborted, gates[1]?.signal?.aborted]).toEqual([true, false])
    expect(events).toEqual([])
    expect(addGates('a')[0]?.signal).toBeDefined()
  })

  test('without: waits for a copy that goes on after it was told to end, unless it is aborted', async () => {
    const finishing = Promise.withResolvers<void>()
    copies.add({ key: 'a', run: () => finishing.promise })
    const log: string[] = []

    const waiting = copies.without(['a'], {}, async () => void log.push('operation'))
    const reason = new Error('enough')
    const aborted = copies.without(['a'], { signal: AbortSignal.abort(reason) }, async () => void log.push('aborted'))

    await expect(aborted).rejects.toBe(reason)
    log.push('copy finishes')
    finishing.resolve()
    await waiting
    expect(log).toEqual(['copy finishes', 'operation'])
  })

  test('without: two operations on one key exclude it until both are done', async () => {
    const first = Promise.withResolvers<void>()
    const one = copies.without(['a'], {}, () => first.promise)
    await copies.without(['a'], {}, async () => undefined)

    expect(begun(addGates('a'))).toBe('')

    first.resolve()
    await one
    expect(begun(addGates('a'))).toBe('a')
  })

  test('forgets what waits once its owner stops, and ends what runs when told to', async () => {
    const gates = addGates('a', 'b', 'c')
    isRunning = false
    gates[0]?.end()
    copies.add(new Gate('d'))

    copies.endAll()
    await idle()

    expect(begun(gates)).toBe('ab')
    expect(gates[1]?.signal?.aborted).toBe(true)
    expect(events).toEqual([])
  })
})
