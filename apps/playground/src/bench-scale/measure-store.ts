import { rm } from 'node:fs/promises'
import { formatFigure } from '../bench/format.ts'
import { measureCase } from '../bench-server/run-case.ts'
import { RunningSubject } from '../bench-server/subject.ts'
import { scaleCases } from './cases.ts'
import { fillStore } from './fill.ts'
import type { FreshBlobs } from './fresh-blobs.ts'
import { measureMemory } from './memory.ts'
import { untilQuiet } from './quiet.ts'
import type { ScaleAttempt, ScalePart, ScaleRun } from './scale-run.ts'
import type { ScaleStore, ScaleSubject } from './scale-subject.ts'
import { ampleLimits } from './scale-subject.ts'
import { measureStartUp } from './start-up.ts'

/** What is measured of one store of one size. */
export interface StoreOptions extends ScaleRun {
  readonly store: ScaleStore
  /** Those that are measured over it, one after the other. */
  readonly subjects: readonly ScaleSubject[]
  readonly parts: readonly ScalePart[]
  readonly blobs: number
  readonly fresh: FreshBlobs
  /** The folder of the store. */
  readonly path: string
  /** Whether it stays there. */
  readonly isKept: boolean
  /** Runs a part; that it fails does not end the others. */
  readonly attempt: (what: ScaleAttempt, measure: () => Promise<void>) => Promise<void>
}

/** Fills a store with so many blobs, and measures each server over it. */
export async function measureStore(options: StoreOptions): Promise<void> {
  const { subjects, parts, blobs, path, isKept, attempt, signal } = options
  await using stack = new AsyncDisposableStack()
  if (!isKept) stack.defer(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  await fill(options)
  for (const subject of subjects) {
    const of = `${subject.kind.name}, ${blobs.toLocaleString('en')} blobs`
    const together = parts.filter((part) => part === 'memory' || part === 'operations')
    if (together.length > 0) {
      await attempt({ of, parts: together }, async () => {
        await using server = await RunningSubject.start(subject.kind, path, ampleLimits)
        if (parts.includes('memory')) await measureMemory(server, options)
        await untilQuiet(server.pid, signal)
        if (parts.includes('operations')) await measureOperations(server, subject, options)
      })
    }
    if (parts.includes('start-up')) {
      await attempt({ of, parts: ['start-up'] }, () => measureStartUp({ ...options, subject, store: path }))
    }
  }
}

async function fill({ store, path, series, seed, blobs, signal }: StoreOptions): Promise<void> {
  const began = performance.now()
  let toldAt = began
  let first: number | undefined
  await fillStore(path, () => store.open(path), {
    series,
    seed,
    blobs,
    signal,
    onProgress(filled) {
      first ??= filled
      if (performance.now() - toldAt < 10_000 && filled < blobs) return
      toldAt = performance.now()
      const perSecond = (filled - first) / ((toldAt - began) / 1000)
      process.stderr.write(`${store.name}: ${filled.toLocaleString('en')} blobs, ${formatFigure(perSecond)}/s\n`)
    },
  })
}

async function measureOperations(server: RunningSubject, subject: ScaleSubject, options: StoreOptions): Promise<void> {
  const { series, fresh, blobs, effort, seed, folder, load, note, signal } = options
  const hasResults = subject.kind.isOurs
  for (const scaleCase of scaleCases({ series, fresh, blobs, rounds: effort.rounds + 1, hasResults })) {
    signal.throwIfAborted()
    const { operation, figures, failures } = await measureCase(scaleCase, [server], { effort, seed, folder, load })
    if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join('; '))
    for (const { cpuUs, p50Us, p99Us } of figures) {
      const take = (what: string, value: number): void =>
        note({ part: 'operations', subject: server.kind.name, blobs, measure: `${operation}, ${what}`, value })
      take('CPU µs', cpuUs)
      take('p50 ms', p50Us / 1000)
      take('p99 ms', p99Us / 1000)
    }
    await untilQuiet(server.pid, signal)
  }
}
