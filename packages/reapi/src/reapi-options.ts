import type { Backend, DigestFunction } from '@caskade/core'
import { SpoolBudget } from '@caskade/core'
import type { CallContext } from '@caskade/grpc'
import { GrpcError, StatusCode } from '@caskade/grpc'
import type { ReapiUse } from './reapi-use.ts'

/** What the services serve, and within which limits. */
export interface ReapiOptions {
  /** Where everything is kept. Its storage should have the empty blob always present, as `EmptyBlobStorage` does. */
  readonly backend: Backend
  /** An existing folder for uploads on their way in; on the file system of the storage, it saves that storage a copy. */
  readonly uploadDirectory: string
  /** What the files of uploads on their way in may take, possibly with those of other protocols. Default: 16 GiB. */
  readonly spoolBudget?: SpoolBudget | undefined
  /** The digest functions to offer. Default: SHA-256 alone. */
  readonly digestFunctions?: readonly DigestFunction[] | undefined
  /** Larger blobs are refused before they are received, in bytes. Default: 64 GiB. */
  readonly maxBlobBytes?: number | undefined
  /** What the blobs of one batch may come to, in bytes. Default: 3.75 MiB, which fits in the 4 MiB that clients receive at most. */
  readonly maxBatchBytes?: number | undefined
  /** Trees that come to more than this are not walked, in bytes. Default: 64 MiB. */
  readonly maxTreeBytes?: number | undefined
  /**
   * What batches that are read may take in memory until their clients have them, in all, in bytes, and the same again for
   * what compresses downloads. Calls wait until there is room; a connection has a quarter at most. Default: 128 MiB.
   */
  readonly maxResponseBytes?: number | undefined
  /** The instance names that are served; calls for others are refused. Default: all. */
  readonly instanceNames?: readonly string[] | undefined
  /** Hears what each call came to, for statistics; `call` says whose it is. Must not throw. */
  readonly onUse?: ((use: ReapiUse, call: CallContext) => void) | undefined
  /** How long an upload whose connection broke can be resumed, in milliseconds. Default: 5 minutes. */
  readonly resumeWithinMs?: number | undefined
}

/** The same with every default filled in. */
export type ReapiSettings = {
  readonly [Name in Exclude<keyof ReapiOptions, 'instanceNames'>]-?: NonNullable<ReapiOptions[Name]>
} & {
  /** @throws GrpcError `INVALID_ARGUMENT` for an instance name that is not served. */
  readonly assertInstance: (instanceName: string) => void
}

/** Fills in the defaults. */
export function resolveOptions(options: ReapiOptions): ReapiSettings {
  const spoolBudget = options.spoolBudget ?? new SpoolBudget(16 * 1024 ** 3)
  return {
    backend: options.backend,
    uploadDirectory: options.uploadDirectory,
    digestFunctions: options.digestFunctions ?? ['sha256'],
    spoolBudget,
    maxBlobBytes: maxBlobBytes(options, spoolBudget),
    maxBatchBytes: options.maxBatchBytes ?? 3.75 * 1024 ** 2,
    maxTreeBytes: options.maxTreeBytes ?? 64 * 1024 ** 2,
    maxResponseBytes: options.maxResponseBytes ?? 128 * 1024 ** 2,
    resumeWithinMs: options.resumeWithinMs ?? 300_000,
    onUse: options.onUse ?? (() => undefined),
    assertInstance: instanceCheck(options.instanceNames),
  }
}

/** Never NOT_FOUND, which would pass for a miss. */
function instanceCheck(instanceNames: readonly string[] | undefined): (instanceName: string) => void {
  if (instanceNames === undefined) return () => undefined
  const served = new Set(instanceNames)
  return (instanceName) => {
    if (served.has(instanceName)) return
    const known = instanceNames.map((name) => JSON.stringify(name)).join(', ')
    const message = `instance_name ${JSON.stringify(instanceName.slice(0, 100))} is not served here; served: ${known}`
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
  }
}

/** What could not be received, or not be stored, is not offered either. At least 1, since 0 tells clients of no limit. */
function maxBlobBytes({ maxBlobBytes: chosen = 64 * 1024 ** 3, backend }: ReapiOptions, spool: SpoolBudget): number {
  return Math.max(Math.min(chosen, spool.maxBytes, backend.storage.maxBlobBytes ?? Infinity), 1)
}
