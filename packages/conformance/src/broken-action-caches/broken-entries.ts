import type { ActionCacheEntry, ActionCacheRecord, ActionKey, OperationOptions, UpdateOptions } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { turns } from '../moments.ts'
import { ReferenceActionCache } from '../reference/reference-action-cache.ts'
import type { BrokenActionCache } from './broken-action-cache.ts'

/** Action caches that lose, mix up or change what is stored. */
export const brokenEntries: readonly BrokenActionCache[] = [
  {
    defect: 'throws for an entry that is not there',
    caughtBy: 'absent: an entry that was never stored is null, and deleting it succeeds',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async get(key: ActionKey, options?: OperationOptions): Promise<ActionCacheEntry> {
          const entry = await super.get(key, options)
          if (entry === null) throw new Error('NotFound')
          return entry
        }
      })(records),
  },
  {
    defect: 'keeps metadata as ASCII',
    caughtBy: 'update: keeps value, references and metadata',
    create: (records) =>
      new ChangingActionCache(records, (entry) => {
        const metadata = Object.entries(entry.metadata).map(([name, value]) => [name, value.replaceAll(/[^ -~]/g, '?')])
        return { ...entry, metadata: Object.fromEntries(metadata) as Record<string, string> }
      }),
  },
  {
    defect: 'takes an empty value for no entry',
    caughtBy: 'update: an empty value is an entry',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async get(key: ActionKey, options?: OperationOptions): Promise<ActionCacheEntry | null> {
          const entry = await super.get(key, options)
          return entry?.bytes.byteLength === 0 ? null : entry
        }
      })(records),
  },
  {
    defect: 'removes an entry before it refuses the next',
    caughtBy: 'update: takes values up to the limit, and refuses longer ones without harming what is there',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
          if (options.ifAbsent !== true) await this.delete(key, options)
          return super.update(key, entry, options)
        }
      })(records),
  },
  {
    defect: 'mixes the metadata of an older entry into the next',
    caughtBy: 'update: replaces an older entry wholly',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, options: UpdateOptions = {}): Promise<boolean> {
          const older = await this.get(key, options)
          return super.update(key, { ...entry, metadata: { ...older?.metadata, ...entry.metadata } }, options)
        }
      })(records),
  },
  {
    defect: 'pays no attention to ifAbsent',
    caughtBy: 'update: with ifAbsent keeps an older entry, and stores where there is none',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, { signal }: UpdateOptions = {}) {
          return super.update(key, entry, { signal })
        }
      })(records),
  },
  {
    defect: 'looks whether there is an entry, and stores one a moment later',
    caughtBy: 'update: of many concurrent ones with ifAbsent exactly one wins',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, { ifAbsent, signal }: UpdateOptions = {}) {
          if (ifAbsent === true && (await this.get(key, { signal })) !== null) return false
          return super.update(key, entry, { signal })
        }
      })(records),
  },
  {
    defect: 'keeps the caller’s bytes instead of a copy',
    caughtBy: 'update: keeps its own copy of the value',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
          const isStored = await super.update(key, entry, options)
          if (isStored) this.records.set(JSON.stringify([key.namespace, key.key]), { key, entry })
          return isStored
        }
      })(records),
  },
  {
    defect: 'deletes a whole namespace at once',
    caughtBy: 'delete: removes the entry and no other',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async delete(key: ActionKey, options?: OperationOptions): Promise<void> {
          await super.delete(key, options)
          for (const [name, record] of this.records) {
            if (record.key.namespace === key.namespace) this.records.delete(name)
          }
        }
      })(records),
  },
  {
    defect: 'joins namespace and key with a slash',
    caughtBy: 'namespaces: the same key in two namespaces is two entries, however they are spelled',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async get(key: ActionKey, options?: OperationOptions): Promise<ActionCacheEntry | null> {
          return super.get(joined(key), options)
        }
        override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
          return super.update(joined(key), entry, options)
        }
      })(records),
  },
  {
    defect: 'lists the entries of one namespace, whatever else begins with its name',
    caughtBy: 'list: yields every entry of the namespaces that begin with the prefix',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async *list(prefix: string, options?: OperationOptions): AsyncGenerator<ActionCacheRecord, void> {
          for await (const record of super.list(prefix, options)) if (record.key.namespace === prefix) yield record
        }
      })(records),
  },
  {
    defect: 'cannot delete an entry that is being replaced',
    caughtBy: 'concurrency: updates, reads and deletes of one key never fail, and reads get one whole entry or null',
    create: (records) =>
      new (class extends ReferenceActionCache {
        #updates = 0
        override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
          this.#updates += 1
          await turns(1)
          return super.update(key, entry, options).finally(() => (this.#updates -= 1))
        }
        override async delete(key: ActionKey, options?: OperationOptions): Promise<void> {
          if (this.#updates > 0) throw new StorageError('unknown', 'EBUSY')
          await super.delete(key, options)
        }
      })(records),
  },
  {
    defect: 'writes the whole table back with every change',
    caughtBy: 'concurrency: entries of many keys, written, replaced and deleted at once, do not meet',
    create: (records) =>
      new (class extends ReferenceActionCache {
        override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
          const before = [...this.records]
          await turns(1)
          const isStored = await super.update(key, entry, options)
          for (const [name, record] of before) this.records.set(name, record)
          return isStored
        }
      })(records),
  },
  {
    defect: 'lists an entry as it was when it was listed first',
    caughtBy: 'history: whatever is done one after the other, an action cache answers as a map would',
    create: (records) =>
      new (class extends ReferenceActionCache {
        readonly #listed = new Map<string, ActionCacheRecord>()
        override async *list(prefix: string, options?: OperationOptions): AsyncGenerator<ActionCacheRecord, void> {
          for await (const record of super.list(prefix, options)) {
            const name = `${record.key.namespace} ${record.key.key}`
            const listed = this.#listed.get(name) ?? record
            this.#listed.set(name, listed)
            yield listed
          }
        }
      })(records),
  },
]

/** Changes every entry on its way in. */
class ChangingActionCache extends ReferenceActionCache {
  readonly #change: (entry: ActionCacheEntry) => ActionCacheEntry

  constructor(
    records: ConstructorParameters<typeof ReferenceActionCache>[0],
    change: (entry: ActionCacheEntry) => ActionCacheEntry,
  ) {
    super(records)
    this.#change = change
  }

  override async update(key: ActionKey, entry: ActionCacheEntry, options?: UpdateOptions): Promise<boolean> {
    return super.update(key, this.#change(entry), options)
  }
}

function joined({ namespace, key }: ActionKey): ActionKey {
  return { namespace: 'all', key: `${namespace}/${key}` }
}
