import { setImmediate } from 'node:timers/promises'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { ActionKey, Claimant, Digest, OperationOptions } from '@caskade/core'
import { FairBudget, formatDigest, getEntryBytes, putEntryBytes, StorageError } from '@caskade/core'
import { GrpcError, StatusCode } from '@caskade/grpc'
import { closureOf, directDigests } from './action-result-digests.ts'
import { takeInlined } from './action-result-inlining.ts'
import { assertNotTooDense } from './codec.ts'
import type { DigestReader } from './digests.ts'
import type { DirectoryDigests, ResultDigests } from './hot/action-result-messages.ts'
import { readResultDigests } from './hot/action-result-messages.ts'
import type { ActionResult } from './messages.ts'
import { ActionResultSchema } from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'
import { TreeLimits } from './tree-limits.ts'

/** What a result may come to, inlined content included, in bytes: clients receive 4 MiB at most unless told otherwise. */
export const MAX_RESULT_BYTES: number = 3.75 * 1024 * 1024

/** What the trees that are looked through at one time come to at most, in bytes, unless one alone is larger. */
const TREE_BYTES_AT_ONCE = 16 * 1024 * 1024

/** How many blobs are looked up before other calls get their turn. */
const LOOKUPS_AT_ONCE = 5000

/** Names a result. */
export interface ActionName {
  readonly instanceName: string
  readonly action: Digest
  /** The digest function that the client names, as a number of the protocol; 0 when it names none. */
  readonly requestedFunction: number
}

/** A stored result, as it was encoded; or why there is none that can be used. */
export type FoundResult = { readonly bytes: Uint8Array } | { readonly bytes: null; readonly reason: string }

/** Why there is no result, mostly. */
export const NOT_CACHED = 'it is not in the action cache'

/** Why a result that is no result cannot be used. */
export const NOT_A_RESULT = 'what is stored for it is not an ActionResult'

/** Results of actions, for every protocol that has them: found only while all blobs that they name are there. */
export class ActionResults {
  readonly #settings: ReapiSettings
  readonly #digests: DigestReader
  /** The bytes of trees that are looked through. */
  readonly #trees = new FairBudget({ max: TREE_BYTES_AT_ONCE, maxPerClient: TREE_BYTES_AT_ONCE })

  constructor(settings: ReapiSettings, digests: DigestReader) {
    this.#settings = settings
    this.#digests = digests
  }

  /** Finds a result. That counts as use of every blob that it names, so that what a client was promised is the last to be evicted. */
  async find(name: ActionName, claimant: Claimant): Promise<FoundResult> {
    const { instanceName, action, requestedFunction } = name
    const { signal } = claimant
    const key = actionKey(instanceName, action)
    const entry = await getEntryBytes(this.#settings.backend, key, { signal, maxBytes: MAX_RESULT_BYTES })
    if (entry === null) return { bytes: null, reason: NOT_CACHED }
    const { bytes } = entry
    const named = readNamed(bytes)
    if (named === null) return { bytes: null, reason: NOT_A_RESULT }
    const release = await this.#acquireTrees(named, claimant)
    try {
      const reason = await this.#findGap(named, requestedFunction, signal)
      return reason === undefined ? { bytes } : { bytes: null, reason }
    } finally {
      release?.()
    }
  }

  /**
   * Stores a result, and the content that the client has put into it as blobs; `result` is left without it.
   *
   * @throws GrpcError `INVALID_ARGUMENT` when a digest in it is malformed, content in it does not match the digest beside
   * it, or it is too long. StorageError as the storage says to the content.
   */
  async store(name: ActionName, result: ActionResult, { signal }: OperationOptions): Promise<void> {
    const { instanceName, action, requestedFunction } = name
    const { backend } = this.#settings
    const inlined = takeInlined(result, this.#digests, requestedFunction)
    const references = directDigests(result, this.#digests, requestedFunction)
    for (const status of await backend.storage.bulkUpdateBlobs(inlined, { signal })) {
      if ('message' in status) throw new StorageError(status.code, status.message)
    }
    const bytes = toBinary(ActionResultSchema, result)
    if (bytes.byteLength > MAX_RESULT_BYTES) {
      const message = `action_result: ${bytes.byteLength} bytes are more than clients could receive`
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
    }
    await putEntryBytes(backend, actionKey(instanceName, action), { bytes, references, metadata: {} }, { signal })
  }

  /** Waits until the trees of a result can be looked through. Results without trees, which are most, do not wait. */
  async #acquireTrees({ directories }: ResultDigests, claimant: Claimant): Promise<(() => void) | undefined> {
    if (directories.length === 0) return undefined
    return this.#trees.acquire(treeBytes(directories), claimant)
  }

  /** Says what is missing of what a result names; undefined when all of it is there. */
  async #findGap(named: ResultDigests, requestedFunction: number, signal: AbortSignal): Promise<string | undefined> {
    const { backend, maxTreeBytes } = this.#settings
    const { storage } = backend
    const closure = await closureOf(named, {
      storage,
      digests: this.#digests,
      requestedFunction,
      limits: new TreeLimits(maxTreeBytes),
      signal,
    })
    if (closure === null) return 'one of its trees is missing or cannot be walked'
    for (let at = 0; at < closure.length; at += LOOKUPS_AT_ONCE) {
      const [missing] = await storage.missingBlobs(closure.slice(at, at + LOOKUPS_AT_ONCE), { signal })
      if (missing !== undefined) return `blob ${formatDigest(missing)} that it names is not stored`
      if (at + LOOKUPS_AT_ONCE < closure.length) await setImmediate()
    }
    return undefined
  }
}

/** Where the result of an action is kept, for all protocols that store REAPI results. */
export function actionKey(instanceName: string, { hash, digestFunction = 'sha256' }: Digest): ActionKey {
  return { namespace: `reapi:${digestFunction}:${instanceName}`, key: hash }
}

/** What the trees of a result come to as far as it tells, in bytes. */
function treeBytes(directories: readonly DirectoryDigests[]): number {
  const digests = directories.flatMap(({ treeDigest, rootDirectoryDigest }) => [treeDigest, rootDirectoryDigest])
  return digests.reduce((sum, digest) => sum + Math.max(digest?.sizeBytes ?? 0, 0), 0)
}

/** What a stored result names; null when it is none. */
function readNamed(bytes: Uint8Array): ResultDigests | null {
  try {
    assertNotTooDense(ActionResultSchema, bytes)
    return readResultDigests(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  } catch {
    return null
  }
}

/** Decodes a result that was found; null when it is none after all. */
export function decodeResult(bytes: Uint8Array): ActionResult | null {
  try {
    return fromBinary(ActionResultSchema, bytes)
  } catch {
    return null
  }
}
