import { randomUUID } from 'node:crypto'
import type { ActionCacheRecord, OperationOptions } from '@caskade/core'
import { reportEvent, StorageError } from '@caskade/core'
import type { GcsStore } from '../gcs-store.ts'
import { retrying } from '../retrying.ts'
import { decodeEntry, newerEntryError } from './entry-format.ts'

/** An entry that was read. */
export interface StoredEntry {
  readonly record: ActionCacheRecord
  /** When its use was last recorded, where the service says so. */
  readonly customTimeMs: number | undefined
}

/** Reads an entry; null when there is none, and when it is damaged: then it is removed, it and nothing that replaced it. */
export async function readEntry(
  store: GcsStore,
  name: string,
  { signal }: OperationOptions,
): Promise<StoredEntry | null> {
  const { access, settings } = store
  const token = randomUUID()
  const stored = await retrying(settings, signal, async () => {
    const answer = await access.openMedia(name, { token, offset: 0, signal })
    if (answer === null) return null
    const chunks = await Array.fromAsync(answer.chunks())
    const customTime = Date.parse(answer.header('x-goog-custom-time') ?? '')
    return {
      content: Buffer.concat(chunks),
      generation: answer.header('x-goog-generation'),
      customTimeMs: Number.isNaN(customTime) ? undefined : customTime,
    }
  })
  if (stored === null) return null
  const decoded = decodeEntry(stored.content)
  if (decoded.kind === 'newer') throw newerEntryError(name, decoded.version)
  if (decoded.kind === 'record') return { record: decoded.record, customTimeMs: stored.customTimeMs }
  if (stored.generation !== undefined) await access.remove(name, { generation: stored.generation })
  const error = new StorageError('corrupt', `Gcs: ${name} is damaged: ${decoded.reason}`)
  reportEvent({ kind: 'corrupt', storageType: 'Gcs', operation: 'get', error })
  return null
}
