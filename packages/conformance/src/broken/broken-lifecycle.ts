import type { BlobReader, BlobSource, Digest, OperationOptions, ReadOptions } from '@caskade/core'
import { readerFromChunks, readSource, StorageError } from '@caskade/core'
import { ReferenceStorage } from '../reference/reference-storage.ts'
import type { BrokenStorage } from './broken-storage.ts'

/** Storages that start, stop or remember wrongly. */
export const brokenLifecycle: readonly BrokenStorage[] = [
  {
    defect: 'works whether it was started or not',
    caughtBy: 'lifecycle: every method refuses before start and after stop',
    create: (options) =>
      new (class extends ReferenceStorage {
        protected override assertRunning(signal: AbortSignal | undefined): void {
          signal?.throwIfAborted()
        }
      })(options),
  },
  {
    defect: 'fails to stop when it was never started',
    caughtBy: 'lifecycle: stop before start does nothing, and start works after it',
    create: (options) =>
      new (class extends ReferenceStorage {
        #wasStarted = false
        override async start(): Promise<void> {
          this.#wasStarted = true
          await super.start()
        }
        override async stop(): Promise<void> {
          if (!this.#wasStarted) throw new StorageError('not-running', 'it was never started')
          await super.stop()
        }
      })(options),
  },
  {
    defect: 'ends with the first stop, however many starts there were',
    caughtBy: 'lifecycle: starts are counted, concurrent ones too',
    create: (options) =>
      new (class extends ReferenceStorage {
        #starting: Promise<void> | undefined
        override async start(): Promise<void> {
          this.#starting ??= super.start()
          await this.#starting
        }
        override async stop(): Promise<void> {
          this.#starting = undefined
          await super.stop()
        }
      })(options),
  },
  {
    defect: 'cannot be started a second time',
    caughtBy: 'lifecycle: a stopped storage can be started again',
    create: (options) =>
      new (class extends ReferenceStorage {
        #starts = 0
        protected override async onStart(): Promise<void> {
          this.#starts += 1
          if (this.#starts > 1) throw new StorageError('unsupported', 'it was stopped for good')
        }
      })(options),
  },
  {
    defect: 'takes its readers down when it stops',
    caughtBy: 'lifecycle: stop waits for open readers',
    create: (options) => new ImpatientStorage(options),
  },
  {
    defect: 'saves what it has of unfinished writes when it stops',
    caughtBy: 'lifecycle: a write under way when the storage stops ends, and is there wholly or not at all afterwards',
    create: (options) => new HastyStorage(options),
  },
  {
    defect: 'forgets everything when it stops',
    caughtBy: 'reopen: what was stored is there after a stop and a start',
    create: (options) =>
      new (class extends ReferenceStorage {
        protected override async onStop(): Promise<void> {
          this.blobs.clear()
        }
      })(options),
  },
]

/** Does not wait for its readers, which fail once it has stopped. */
class ImpatientStorage extends ReferenceStorage {
  #isStopped = false

  protected override hold(): () => void {
    return () => undefined
  }

  protected override async onStart(): Promise<void> {
    this.#isStopped = false
  }

  protected override async onStop(): Promise<void> {
    this.#isStopped = true
  }

  override async getBlob(digest: Digest, options: ReadOptions = {}): Promise<BlobReader | null> {
    const bytes = await (await super.getBlob(digest, options))?.bytes()
    if (bytes === undefined) return null
    const isStopped = (): boolean => this.#isStopped
    const chunks = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      await new Promise((resolve) => setImmediate(resolve))
      if (isStopped()) throw new StorageError('not-running', 'it was stopped')
      yield bytes
    }
    return readerFromChunks(bytes.byteLength, chunks(), { signal: options.signal })
  }
}

/** Stores what it got so far of everything under way when it stops. */
class HastyStorage extends ReferenceStorage {
  readonly #underWay = new Map<Digest, Uint8Array[]>()

  protected override async onStop(): Promise<void> {
    for (const [digest, chunks] of this.#underWay) this.store(digest, Buffer.concat(chunks))
  }

  override async commitWrite(digest: Digest, source: BlobSource, options: OperationOptions = {}): Promise<void> {
    this.assertReady(digest, options.signal)
    const chunks: Uint8Array[] = []
    this.#underWay.set(digest, chunks)
    for await (const chunk of readSource(source, digest, options)) chunks.push(chunk)
    this.#underWay.delete(digest)
    this.assertReady(digest, options.signal)
    this.store(digest, Buffer.concat(chunks))
  }
}
