import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestOf, SpoolBudget } from '@caskade/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { UploadResource } from './resource-name.ts'
import { UploadRegistry } from './upload-registry.ts'

const content = Buffer.alloc(3_000_000, 'content')
const resource: UploadResource = {
  instanceName: '',
  uuid: 'u',
  compressor: 'identity',
  digest: digestOf(content),
}

let directory: string
let registry: UploadRegistry

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'caskade-uploads-'))
  registry = new UploadRegistry(directory, new SpoolBudget(100_000_000), 60_000)
})

afterEach(async () => {
  vi.useRealTimers()
  await registry[Symbol.asyncDispose]()
  await rm(directory, { recursive: true })
})

/** Begins an upload, writes most of it and leaves it. */
async function leaveHalfDone(name: string): Promise<void> {
  const feeder = Symbol(name)
  const upload = await registry.begin(name, resource, feeder)
  await upload.write(feeder, 0, content.subarray(0, 2_000_000))
  await registry.leave(name, upload, feeder)
}

describe('UploadRegistry', () => {
  test('keeps an upload that was left, for a while', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await leaveHalfDone('a')
    expect(registry.find('a')?.receivedBytes).toBe(2_000_000)

    vi.advanceTimersByTime(59_999)
    expect(registry.find('a')).toBeDefined()
    vi.advanceTimersByTime(1)

    expect(registry.find('a')).toBeUndefined()
    await vi.waitFor(async () => expect(await readdir(directory)).toEqual([]), { timeout: 30_000 })
  })

  test('does not expire an upload that goes on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await leaveHalfDone('a')
    const feeder = Symbol('again')
    const upload = registry.resume('a', feeder)

    vi.advanceTimersByTime(600_000)

    await upload?.write(feeder, 2_000_000, content.subarray(2_000_000))
    await upload?.finish(feeder)
    expect(upload?.source.sizeBytes).toBe(3_000_000)
  })

  test('keeps only so many, and lets the oldest go', async () => {
    for (let index = 0; index < 260; index++) {
      const feeder = Symbol(index)
      const upload = await registry.begin(String(index), resource, feeder)
      await registry.leave(String(index), upload, feeder)
    }

    expect(registry.find('3')).toBeUndefined()
    expect(registry.find('4')).toBeDefined()
    expect(registry.find('259')).toBeDefined()
  })

  test('beginning anew removes what was left under the name', async () => {
    await leaveHalfDone('a')

    await leaveHalfDone('a')

    expect(await readdir(directory)).toHaveLength(1)
  })

  test('an upload that another call took over is not given up by the first', async () => {
    const [first, second] = [Symbol('first'), Symbol('second')]
    const upload = await registry.begin('a', resource, first)
    registry.resume('a', second)

    await registry.leave('a', upload, first)

    expect(registry.find('a')).toBe(upload)
    await expect(upload.write(first, 0, content)).rejects.toMatchObject({ codeName: 'ABORTED' })
    await upload.write(second, 0, content)
  })

  test('disposing removes everything', async () => {
    await leaveHalfDone('a')
    await leaveHalfDone('b')

    await registry[Symbol.asyncDispose]()

    expect(await readdir(directory)).toEqual([])
  })
})
