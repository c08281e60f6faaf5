import { setImmediate } from 'node:timers/promises'
import { AccessClock, nodeFiles } from '@caskade/core/files'
import { expect, test } from 'vitest'
import { AccessLog } from './access-log.ts'
import { Layout } from './layout.ts'

test('who looks up more than can be recorded meanwhile waits until it is', async () => {
  const recorded = Promise.withResolvers<void>()
  const log = openLog(() => recorded.promise)
  use(log, 30_000)

  const first = Promise.race([log.gathered().then(() => 'recorded'), setImmediate('waiting')])
  expect(await first).toBe('waiting')
  recorded.resolve()

  await log.gathered()
  expect(log.unrecordedUs('cas.sha256.0')).toBeUndefined()
})

test('who looks up a few does not wait for them to be recorded', async () => {
  const recorded = Promise.withResolvers<void>()
  const log = openLog(() => recorded.promise)
  use(log, 10_000)

  await log.gathered()

  expect(log.unrecordedUs('cas.sha256.9999')).toBeGreaterThan(0)
  recorded.resolve()
  await log.flush()
})

function openLog(setModified: () => Promise<void>): AccessLog {
  const clock = new AccessClock(Date.now)
  return new AccessLog({ layout: new Layout('/'), files: { ...nodeFiles, setModified }, clock, granularityMs: 1000 })
}

function use(log: AccessLog, count: number): void {
  for (let index = 0; index < count; index++) log.use(`cas.sha256.${index}`, 0)
}
