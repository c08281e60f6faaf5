import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { OperationOptions } from '@caskade/core'
import { sqliteError } from './sqlite-errors.ts'

/** Looks for damage in a database; resolves to a description of each, none if all is well. Rejects when it cannot be read. */
export async function findDamage(databasePath: string, { signal }: OperationOptions): Promise<string[]> {
  signal?.throwIfAborted()
  // Beside this file: TypeScript when run from source, JavaScript when built.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`integrity-worker.${extension}`, import.meta.url), { workerData: databasePath })
  try {
    const [problems] = (await once(worker, 'message', { signal })) as [string[]]
    return problems
  } catch (error) {
    signal?.throwIfAborted()
    throw sqliteError(error, `cannot check ${databasePath}`)
  } finally {
    await worker.terminate()
  }
}
