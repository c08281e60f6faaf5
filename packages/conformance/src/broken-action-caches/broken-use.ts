import type { ActionCacheEntry, ActionKey, OperationOptions, UpdateOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { methodCalls } from '../action-cache-cases/methods.ts'
import { turns } from '../moments.ts'
import { ReferenceActionCache } from '../reference/reference-action-cache.ts'
import type { ActionCacheRecords, BrokenActionCache } from './broken-action-cache.ts'

/** Action caches that trust their callers, or start and stop wrongly. */
export const brokenUse: readonly BrokenActionCache[] = [
  {
    defect: 'takes any string for a key',
    caughtBy: 'hygiene: an unusable key is an invalid argument to every method',
    create: (records) =>
      new (class extends ReferenceActionCache {
        protected override assertReady(_: ActionKey, signal: AbortSignal | undefined): void {
          this.assertRunning(signal)
        }
      })(records),
  },
  {
    defect: 'keeps references that name nothing',
    caughtBy: 'hygiene: an entry with a malformed reference is an invalid argument',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
          return super.update(key, { ...entry, references: [] }, options)
        }
      })(records),
  },
  {
    defect: 'ignores the signal',
    caughtBy: 'abort: an aborted signal ends every method with its own reason, and changes nothing',
    create: (records) =>
      new (class extends ReferenceActionCache {
        protected override assertRunning(): void {
          super.assertRunning(undefined)
        }
      })(records),
  },
  {
    defect: 'works whether it was started or not',
    caughtBy: 'lifecycle: every method refuses before start and after stop',
    create: (records) =>
      new (class extends ReferenceActionCache {
        protected override assertRunning(signal: AbortSignal | undefined): void {
          signal?.throwIfAborted()
        }
      })(records),
  },
  {
    defect: 'ends with the first stop, however many starts there were',
    caughtBy: 'lifecycle: stop before start does nothing, and starts are counted',
    create: (records) =>
      new (class extends ReferenceActionCache {
        #starting: Promise<void> | undefined
        override async start(): Promise<void> {
          this.#starting ??= super.start()
          await this.#starting
        }
      })(records),
  },
  {
    defect: 'has an error of its own for what is under way when it stops',
    caughtBy: 'lifecycle: updates under way when it stops are stored whole or refused',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
          await turns(1)
          return super.update(key, entry, options).catch((cause: unknown) => {
            throw new StorageError('unknown', 'the database is closed', { cause })
          })
        }
      })(records),
  },
  {
    defect: 'forgets everything when it stops',
    caughtBy: 'reopen: what was stored is there after a stop and a start',
    create: (records) =>
      new (class extends ReferenceActionCache {
        protected override async onStop(): Promise<void> {
          this.records.clear()
        }
      })(records),
  },
  ...Object.keys(methodCalls).map((name): BrokenActionCache => ({
    defect: `has an error of its own for ${name} that is given up while it waits its turn`,
    caughtBy: `abort: ${name}, given up at any moment, answers rightly or rejects with the reason, and does no harm`,
    create: (records) => waitingItsTurn(name.replace(/ .*/, ''), records),
  })),
]

/** Makes an action cache of which one method waits for a turn, and then does not care for the reason of the signal. */
function waitingItsTurn(method: string, records: ActionCacheRecords | undefined): ReferenceActionCache {
  const actionCache = new ReferenceActionCache(records)
  const original = actionCache[method as 'get'].bind(actionCache) as (...parts: unknown[]) => unknown
  const assertWanted = async (parts: readonly unknown[]): Promise<void> => {
    await turns(1)
    const { signal } = (parts.at(-1) ?? {}) as OperationOptions
    if (signal?.aborted === true) throw new StorageError('unavailable', `${method} was cancelled`)
  }
  const waiting =
    method === 'list'
      ? async function* (...parts: unknown[]): AsyncGenerator {
          await assertWanted(parts)
          yield* original(...parts) as AsyncGenerator
        }
      : async (...parts: unknown[]): Promise<unknown> => {
          await assertWanted(parts)
          return original(...parts)
        }
  return Object.assign(actionCache, { [method]: waiting })
}
