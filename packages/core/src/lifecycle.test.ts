import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Lifecycle, onStorageEvent, startAll, stopAll, type StorageEvent } from './index.ts'

class Part extends Lifecycle {
  readonly log: string[]
  readonly #name: string
  readonly #failsAt: 'start' | 'stop' | undefined

  constructor(name: string, log: string[], failsAt?: 'start' | 'stop') {
    super()
    this.#name = name
    this.log = log
    this.#failsAt = failsAt
  }

  protected override async onStart(): Promise<void> {
    if (this.#failsAt === 'start') throw new Error(`${this.#name} does not start`)
    this.log.push(`+${this.#name}`)
  }

  protected override async onStop(): Promise<void> {
    this.log.push(`-${this.#name}`)
    if (this.#failsAt === 'stop') throw new Error(`${this.#name} does not stop`)
  }

  check(): void {
    this.assertRunning(undefined)
  }

  keep(): () => void {
    return this.hold()
  }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('Lifecycle', () => {
  test('starts with the first start and stops with the last stop', async () => {
    const part = new Part('a', [])

    await Promise.all([part.start(), part.start()])
    await part.stop()
    expect(part.log).toEqual(['+a'])
    part.check()

    await part.stop()
    await part.stop()
    expect(part.log).toEqual(['+a', '-a'])
    expect(() => part.check()).toThrow(/call start\(\) before using it/)
  })

  test('a start that fails does not count', async () => {
    const part = new Part('a', [], 'start')

    await expect(part.start()).rejects.toThrow('a does not start')
    await part.stop()

    expect(part.log).toEqual([])
  })

  test('a stop that fails has stopped', async () => {
    const part = new Part('a', [], 'stop')
    await part.start()

    await expect(part.stop()).rejects.toThrow('a does not stop')

    expect(() => part.check()).toThrow(/not running/)
    await part.stop()
    expect(part.log).toEqual(['+a', '-a'])
  })

  test('stop waits for what is held', async () => {
    const part = new Part('a', [])
    await part.start()
    const release = part.keep()
    const releaseOther = part.keep()

    const stopping = part.stop()
    await setImmediate()
    expect(() => part.check()).toThrow(/not running/)
    release()
    release()
    await setImmediate()
    expect(part.log).toEqual(['+a'])
    releaseOther()
    await stopping

    expect(part.log).toEqual(['+a', '-a'])
  })

  test('stop does not wait beyond its deadline, and says that it did not', async () => {
    const events: StorageEvent[] = []
    const endListening = onStorageEvent((event) => events.push(event))
    const part = new Part('a', [])
    await part.start()
    part.keep()
    vi.useFakeTimers()

    const stopping = part.stop()
    await vi.advanceTimersByTimeAsync(10_000)
    await stopping
    endListening()

    expect(events).toMatchObject([{ kind: 'stop-deadline', storageType: 'Part', operation: 'stop' }])
    expect(part.log).toEqual(['+a', '-a'])
  })
})

describe('startAll and stopAll', () => {
  test('start in order and stop in reverse', async () => {
    const log: string[] = []
    const parts = ['a', 'b', 'c'].map((name) => new Part(name, log))

    await startAll(parts)
    await stopAll(parts)

    expect(log).toEqual(['+a', '+b', '+c', '-c', '-b', '-a'])
  })

  test('a start that fails stops what had started', async () => {
    const log: string[] = []
    const parts = [new Part('a', log), new Part('b', log), new Part('c', log, 'start')]

    await expect(startAll(parts)).rejects.toThrow('c does not start')

    expect(log).toEqual(['+a', '+b', '-b', '-a'])
  })

  test('a stop that fails keeps no other from stopping', async () => {
    const log: string[] = []
    const parts = [new Part('a', log), new Part('b', log, 'stop'), new Part('c', log)]
    await startAll(parts)

    await expect(stopAll(parts)).rejects.toThrow('b does not stop')

    expect(log.slice(3)).toEqual(['-c', '-b', '-a'])
  })
})
