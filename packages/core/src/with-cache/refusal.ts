import type { DeferredWrites } from '../deferred/deferred-writes.ts'
import type { OperationOptions } from '../operation-options.ts'
import { StorageError } from '../storage-error.ts'

/** The error of a write that could neither be deferred nor be brought to the fallback; any other error stays as it is. */
export function refusal(deferred: DeferredWrites | undefined, error: unknown, { signal }: OperationOptions): unknown {
  const status = deferred?.status
  if (status === undefined || signal?.aborted === true || !StorageError.is(error, 'unavailable')) return error
  const { writes, bytes } = status
  const message =
    `WithCache: the write is refused, because ${writes} deferred writes of ${bytes} bytes are waiting and there is no room ` +
    `for more (maxPendingWrites, maxPendingBytes, or the disk of journalDirectory), and the fallback is unavailable: ${error.message}`
  return new StorageError('unavailable', message, { cause: error, digest: error.digest })
}
