import type { ActionCacheABC, ActionCacheEntry, ActionKey, Digest, StorageABC } from '@caskade/core'
import { assertSameBytes } from '../assertions.ts'
import type { Random } from '../files/seeded-random.ts'
import { randomBelow, randomOf } from '../files/seeded-random.ts'
import type { TestBlob } from '../test-blob.ts'
import { makeBlob, sourceOf } from '../test-blob.ts'
import type { Notebook, Outcome } from './ledger.ts'
import type { Opened } from './opened.ts'

/** How many workers are at it at once. */
const WORKERS = 8

/** How many blobs, and how many entries, each worker has to itself. */
const OWN = 20

/** How many workers, roughly, write each of the blobs that all of them write. */
const SHARERS = 3

/** What a workload runs on. */
export interface WorkloadOptions extends Opened {
  readonly random: Random
  readonly notebook: Notebook
  /** Sets this run's shared blobs apart from those of earlier ones. */
  readonly round: number
  /** Says when to begin no more. */
  readonly isOver: () => boolean
  /** Is told when an operation fails, which ends the worker. */
  readonly onFailure: (error: unknown) => void
}

/** Names a blob so that another process can make it. */
function blobName(seed: number, sizeBytes: number): string {
  return `blob:${seed}:${sizeBytes}`
}

const made = new Map<string, TestBlob>()

/** Makes the blob that a name stands for. */
export function blobNamed(name: string): TestBlob {
  const known = made.get(name)
  if (known !== undefined) return known
  const [, seed, sizeBytes] = name.split(':').map(Number)
  const blob = makeBlob(seed ?? 0, sizeBytes ?? 0)
  made.set(name, blob)
  return blob
}

/** The key that the name of an entry stands for. */
export function keyNamed(name: string): ActionKey {
  return { namespace: 'durability', key: name }
}

/** Makes the entry that an outcome stands for: the names of the blobs it references, after what tells it from others. */
export function entryNamed(outcome: string): ActionCacheEntry {
  const [version = '', ...blobs] = outcome.split(' ')
  return {
    bytes: Buffer.from(outcome.repeat(1 + (Number(version) % 40))),
    references: blobs.map((name) => blobNamed(name).digest),
    metadata: { outcome },
  }
}

/**
 * Writes, reads and deletes blobs, and entries that reference blobs written before, by several workers at once, until it
 * is over or everything fails. Notes every change.
 *
 * @throws when what is read back is not what was written.
 */
export async function runWorkload(options: WorkloadOptions): Promise<void> {
  const shared = { writes: 0 }
  await Promise.all(Array.from({ length: WORKERS }, (_, index) => new Worker(options, index, shared).run()))
}

class Worker {
  readonly #options: WorkloadOptions
  readonly #own: readonly [string, ...string[]]
  readonly #index: number
  readonly #shared: { writes: number }
  /** The latest blobs that this worker wrote and that nobody deletes. */
  #kept: string[] = []

  constructor(options: WorkloadOptions, index: number, shared: { writes: number }) {
    this.#options = options
    this.#index = index
    this.#shared = shared
    const seeds = Array.from({ length: OWN }, (_, number) => 1 + index * OWN + number)
    const [first = '', ...rest] = seeds.map((seed) => blobName(seed, sizeOf(seed)))
    this.#own = [first, ...rest]
  }

  async run(): Promise<void> {
    while (!this.#options.isOver()) {
      const isAlive = await this.#step()
      if (!isAlive) return
    }
  }

  /** Does one thing; false when it failed. */
  async #step(): Promise<boolean> {
    const { random, storage, actionCache } = this.#options
    const choice = random()
    if (choice < 0.35) return this.#writeShared(storage)
    if (choice < 0.6) return this.#write(storage, randomOf(random, this.#own))
    if (choice < 0.7) return this.#delete(storage, randomOf(random, this.#own))
    if (choice < 0.8 || actionCache === undefined) return this.#read(storage, randomOf(random, this.#own))
    return this.#update(actionCache)
  }

  async #writeShared(storage: StorageABC): Promise<boolean> {
    const { round } = this.#options
    const seed = 1_000_000 + round * 10_000 + Math.floor(this.#shared.writes / SHARERS)
    this.#shared.writes += 1
    const name = blobName(seed, sizeOf(seed))
    const isWritten = await this.#write(storage, name)
    if (isWritten) this.#kept = [name, ...this.#kept].slice(0, 5)
    return isWritten
  }

  #write(storage: StorageABC, name: string): Promise<boolean> {
    const blob = blobNamed(name)
    return this.#change(name, 'stored', () => storage.commitWrite(blob.digest, sourceOf(blob)))
  }

  #delete(storage: StorageABC, name: string): Promise<boolean> {
    return this.#change(name, null, () => storage.deleteBlob(blobNamed(name).digest))
  }

  #update(actionCache: ActionCacheABC): Promise<boolean> {
    const { random, round } = this.#options
    const name = `entry:${this.#index}:${randomBelow(random, OWN)}`
    if (random() < 0.2) return this.#change(name, null, () => actionCache.delete(keyNamed(name)))
    const version = round * 100_000 + randomBelow(random, 100_000)
    const outcome = [version, ...this.#kept].join(' ')
    return this.#change(name, outcome, () => actionCache.update(keyNamed(name), entryNamed(outcome)))
  }

  async #read(storage: StorageABC, name: string): Promise<boolean> {
    const { digest, bytes } = blobNamed(name)
    const read = await this.#attempt(() => readWhole(storage, digest))
    if (read instanceof Uint8Array) assertSameBytes(read, bytes, `reading ${name}`)
    return read !== failed
  }

  async #change(name: string, outcome: Outcome, perform: () => Promise<unknown>): Promise<boolean> {
    const { notebook } = this.#options
    notebook.note({ state: 'begun', name, outcome })
    if ((await this.#attempt(perform)) === failed) return false
    notebook.note({ state: 'acknowledged', name, outcome })
    return true
  }

  async #attempt<Result>(perform: () => Promise<Result>): Promise<Result | typeof failed> {
    try {
      return await perform()
    } catch (error) {
      this.#options.onFailure(error)
      return failed
    }
  }
}

const failed = Symbol('failed')

async function readWhole(storage: StorageABC, digest: Digest): Promise<Uint8Array | null> {
  const reader = await storage.getBlob(digest)
  return reader === null ? null : reader.bytes()
}

/** Small ones above all; none ends where a page does. */
function sizeOf(seed: number): number {
  if (seed % 16 === 0) return 70_000 + (seed % 60_000)
  if (seed % 4 === 0) return 35_000 + (seed % 5000)
  return seed % 2 === 0 ? 1000 + (seed % 9000) : 1 + (seed % 300)
}
