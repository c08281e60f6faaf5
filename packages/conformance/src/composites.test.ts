import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend, BlobSource, Digest, OperationOptions, ShardedStorageOptions, Status } from '@caskade/core'
import {
  EmptyBlobStorage,
  sharded,
  ShardedStorage,
  sizePartitioned,
  SizePartitionedStorage,
  withCache,
  WithCacheStorage,
} from '@caskade/core'
import { describe, test } from 'vitest'
import {
  FaultyActionCache,
  FaultyStorage,
  on,
  ReferenceActionCache,
  referenceHarness,
  ReferenceStorage,
  testActionCache,
  testStorage,
  together,
} from './index.ts'

const runner = { describe, test }

/** The shard `new` was added, `old` is being emptied, and most keys have moved. */
const resharding = {
  weights: { new: 3, same: 1, old: 0 },
  previousWeights: { same: 1, old: 3 },
}

testStorage(runner, 'WithCache(Reference, Reference)', {
  create: () => new WithCacheStorage({ cache: new ReferenceStorage(), fallback: new ReferenceStorage() }),
})

testStorage(runner, 'EmptyBlob(Reference)', {
  ...referenceHarness((options) => new ReferenceStorage(options)),
  create: (options) => new EmptyBlobStorage(new ReferenceStorage(options)),
  reopen: undefined,
  damage: undefined,
  hasEmptyBlob: true,
})

for (const [name, plan] of Object.entries({ 'no plan': {}, 'a plan of no faults': together(on('getBlob', {}), {}) })) {
  testStorage(runner, `Faulty(Reference), ${name}`, {
    ...referenceHarness((options) => new ReferenceStorage(options)),
    create: (options) => new FaultyStorage(new ReferenceStorage(options), plan),
    reopen: undefined,
    damage: undefined,
  })
  testActionCache(runner, `Faulty(Reference), ${name}`, {
    create: () => new FaultyActionCache(new ReferenceActionCache(), plan),
  })
}

testStorage(runner, 'SizePartitioned(Reference, Reference)', {
  create: () =>
    new SizePartitionedStorage({ small: new ReferenceStorage(), large: new ReferenceStorage(), maxSmallBytes: 1000 }),
})

testStorage(runner, 'Sharded(3 x Reference)', {
  create: () => sharded({ shards: { a: referenceBackend(), b: referenceBackend(), c: referenceBackend() } }).storage,
})

testStorage(runner, 'Sharded(3 x Reference), resharding', {
  create: () => sharded({ shards: threeBackends(), ...resharding }).storage,
})

testStorage(runner, 'Sharded(3 x Reference), resharding, with every blob where it was before', {
  create: () => new LaggingStorage({ shards: threeStorages(), ...resharding }),
})

testStorage(runner, 'Sharded of one storage under two names, resharding', {
  create: () => {
    const storage = new ReferenceStorage()
    return new ShardedStorage({ shards: { new: storage, same: new ReferenceStorage(), old: storage }, ...resharding })
  },
})

const composites: Readonly<Record<string, () => Backend>> = {
  'WithCache(Reference, Reference), maxStaleMs 0': () =>
    withCache({ cache: referenceBackend(), fallback: referenceBackend(), maxStaleMs: 0 }),
  'WithCache(Reference, Reference), maxStaleMs 60000': () =>
    withCache({ cache: referenceBackend(), fallback: referenceBackend(), maxStaleMs: 60_000 }),
  'Sharded(3 x Reference)': () => sharded({ shards: threeBackends() }),
  'Sharded(3 x Reference), resharding': () => sharded({ shards: threeBackends(), ...resharding }),
  'SizePartitioned(Reference, Reference)': () =>
    sizePartitioned({ small: referenceBackend(), large: referenceBackend() }),
}

for (const [name, compose] of Object.entries(composites)) {
  testActionCache(runner, name, { create: () => compose().actionCache })
}

const journals = new WeakMap<object, string>()

function deferring<Half extends object>(select: (backend: ReturnType<typeof withCache>) => Half): Half {
  const journalDirectory = mkdtempSync(join(tmpdir(), 'caskade-journal-'))
  const tiers = { cache: referenceBackend(), fallback: referenceBackend() }
  const half = select(withCache({ ...tiers, deferFallbackWrites: true, journalDirectory }))
  journals.set(half, journalDirectory)
  return half
}

function removeJournal(half: object): void {
  rmSync(journals.get(half) ?? '', { recursive: true })
}

testStorage(runner, 'WithCache(Reference, Reference, deferred)', {
  create: () => deferring(({ storage }) => storage),
  destroy: removeJournal,
})

testActionCache(runner, 'WithCache(Reference, Reference, deferred)', {
  create: () => deferring(({ actionCache }) => actionCache),
  destroy: removeJournal,
})

function referenceBackend(): Backend {
  return { storage: new ReferenceStorage(), actionCache: new ReferenceActionCache() }
}

function threeBackends(): Record<'new' | 'same' | 'old', Backend> {
  return { new: referenceBackend(), same: referenceBackend(), old: referenceBackend() }
}

function threeStorages(): Record<'new' | 'same' | 'old', ReferenceStorage> {
  return { new: new ReferenceStorage(), same: new ReferenceStorage(), old: new ReferenceStorage() }
}

/** Writes every blob where it belonged by the previous weights, so that every read finds it there, and copies it. */
class LaggingStorage extends ShardedStorage {
  readonly #before: ShardedStorage

  constructor(options: ShardedStorageOptions) {
    super(options)
    this.#before = new ShardedStorage({ shards: options.shards, weights: { new: 0, ...options.previousWeights } })
  }

  protected override async onStart(): Promise<void> {
    await super.onStart()
    await this.#before.start()
  }

  protected override async onStop(): Promise<void> {
    await this.#before.stop()
    await super.onStop()
  }

  override commitWrite(digest: Digest, source: BlobSource, options?: OperationOptions): Promise<void> {
    return this.#before.commitWrite(digest, source, options)
  }

  override bulkUpdateBlobs(
    blobs: readonly (readonly [Digest, Uint8Array])[],
    options?: OperationOptions,
  ): Promise<Status[]> {
    return this.#before.bulkUpdateBlobs(blobs, options)
  }
}
