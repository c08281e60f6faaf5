import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type {
  ActionCacheEntry,
  ActionKey,
  Backend,
  StorageEvent,
  WithCacheBackend,
  WithCacheTuning,
} from '@caskade/core'
import { onStorageEvent, withCache } from '@caskade/core'
import { afterEach, beforeEach } from 'vitest'
import type { TestBlob } from '../index.ts'
import { FaultyActionCache, FaultyStorage, ReferenceActionCache, ReferenceStorage } from '../index.ts'

/** A deferring WithCache whose tiers can be looked at and made to fail. */
export interface Deferring {
  readonly backend: WithCacheBackend
  readonly cache: ReferenceStorage
  readonly fallback: FaultyStorage
  readonly entries: FaultyActionCache
  readonly journalDirectory: string
}

/** Makes a deferring WithCache, not started; over the fallback and the journal of an earlier one, if one is given. */
export function deferring(tuning: WithCacheTuning = {}, earlier?: Deferring): Deferring {
  const journalDirectory = earlier?.journalDirectory ?? mkdtempSync(join(tmpdir(), 'caskade-journal-'))
  const cache = new ReferenceStorage()
  const fallback = new FaultyStorage(earlier?.fallback.inner ?? new ReferenceStorage())
  const entries = new FaultyActionCache(earlier?.entries.inner ?? new ReferenceActionCache())
  const backend = withCache({
    cache: { storage: cache, actionCache: new ReferenceActionCache() },
    fallback: { storage: fallback, actionCache: entries },
    deferFallbackWrites: true,
    journalDirectory,
    drainMs: 0,
    ...tuning,
  })
  return { backend, cache, fallback, entries, journalDirectory }
}

/** Starts both halves. */
export async function start({ storage, actionCache }: Backend): Promise<void> {
  await storage.start()
  await actionCache.start()
}

/** Stops both halves. */
export async function stop({ storage, actionCache }: Backend): Promise<void> {
  await actionCache.stop()
  await storage.stop()
}

/** Copies a journal as it is at this moment, as what a process leaves that is killed now. */
export function journalAfterKill(journalDirectory: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'caskade-journal-'))
  cpSync(journalDirectory, copy, { recursive: true })
  for (const name of readdirSync(join(copy, 'owners')).filter((each) => each.endsWith('.owner'))) {
    const path = join(copy, 'owners', name)
    // A process of another start time is another process.
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), startedAt: '1' }))
  }
  return copy
}

/** The files of a journal, in all its lanes, whoever owns them. */
export function journalFiles(journalDirectory: string, isWanted: (name: string) => boolean): string[] {
  const names = readdirSync(journalDirectory, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => isWanted(name.split('/').at(-1) ?? '')).map((name) => join(journalDirectory, name))
}

export function removeJournals(...directories: readonly string[]): void {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
}

/** Sizes of blobs that are part of a record, and in a file of their own, in bytes. */
export const SIZES: readonly number[] = [1000, 200_000]

/** What the tests of a file share. */
export interface DeferringTests {
  /** Makes one, started; it is stopped, and its journal removed, after the test. */
  readonly running: (...args: Parameters<typeof deferring>) => Promise<Deferring>
  /** What was reported during the test. */
  readonly events: StorageEvent[]
}

/** Has every test of a file begin with nothing, and leave nothing. */
export function useDeferring(): DeferringTests {
  const events: StorageEvent[] = []
  const made: Deferring[] = []
  let endListening: () => void

  beforeEach(() => {
    events.length = 0
    made.length = 0
    endListening = onStorageEvent((event) => events.push(event))
  })

  afterEach(async () => {
    for (const { backend, fallback, entries } of made) {
      fallback.plan = {}
      entries.plan = {}
      await stop(backend)
    }
    removeJournals(...made.map(({ journalDirectory }) => journalDirectory))
    endListening()
  })

  return {
    events,
    async running(...args) {
      const each = deferring(...args)
      made.push(each)
      await start(each.backend)
      return each
    },
  }
}

export function keyOf(index: number): ActionKey {
  return { namespace: 'n', key: `k${index}` }
}

/** An entry that references a blob. */
export function entryFor({ digest, bytes }: TestBlob): ActionCacheEntry {
  return { bytes: Uint8Array.from(bytes.subarray(0, 40)), references: [digest], metadata: { of: digest.hash } }
}
