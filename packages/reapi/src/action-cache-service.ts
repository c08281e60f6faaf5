import { setImmediate } from 'node:timers/promises'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { ActionKey, Digest } from '@caskade/core'
import { formatDigest, getEntryBytes, putEntryBytes } from '@caskade/core'
import type { CallContext, Method } from '@caskade/grpc'
import { GrpcError, StatusCode, unaryMethod } from '@caskade/grpc'
import { closureOf, directDigests } from './action-result-digests.ts'
import { inlineRequested, takeInlined } from './action-result-inlining.ts'
import { codecOf } from './codec.ts'
import type { DigestReader } from './digests.ts'
import { FairBudget } from './fair-budget.ts'
import type { ActionResult, GetActionResultRequest, UpdateActionResultRequest } from './messages.ts'
import { ActionCache, ActionResultSchema } from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'
import { toRpcStatus } from './status-mapping.ts'
import { TreeLimits } from './tree-limits.ts'

/** What a response may come to, inlined content included, in bytes: clients receive 4 MiB at most unless told otherwise. */
const MAX_RESULT_BYTES = 3.75 * 1024 * 1024

/** What the trees that are looked through at one time come to at most, in bytes, unless one alone is larger. */
const TREE_BYTES_AT_ONCE = 16 * 1024 * 1024

/** How many blobs are looked up before other calls get their turn. */
const LOOKUPS_AT_ONCE = 5000

/** `ActionCache`: results of actions, answered only while every blob they name is there. */
export class ActionCacheService {
  readonly #settings: ReapiSettings
  readonly #digests: DigestReader
  /** The bytes of trees that are looked through. */
  readonly #trees = new FairBudget({ max: TREE_BYTES_AT_ONCE, maxPerClient: TREE_BYTES_AT_ONCE })

  constructor(settings: ReapiSettings, digests: DigestReader) {
    this.#settings = settings
    this.#digests = digests
  }

  methods(): Method[] {
    const { getActionResult, updateActionResult } = ActionCache.method
    return [
      unaryMethod(codecOf(getActionResult), (request, call) => this.#get(request, call)),
      unaryMethod(codecOf(updateActionResult), (request, call) => this.#update(request, call)),
    ]
  }

  async #get(request: GetActionResultRequest, call: CallContext): Promise<ActionResult> {
    const { backend } = this.#settings
    const { signal } = call
    const action = this.#digests.read(request.actionDigest, request.digestFunction, 'action_digest')
    const key = actionKey(request.instanceName, action)
    const entry = await getEntryBytes(backend, key, { signal, maxBytes: MAX_RESULT_BYTES })
    if (entry === null) throw notFound(action, 'it is not in the action cache')
    const result = parseResult(entry.bytes)
    if (result === null) throw notFound(action, 'what is stored for it is not an ActionResult')
    const release = await this.#acquireTrees(result, call)
    try {
      await this.#assertComplete(action, result, request.digestFunction, signal)
    } finally {
      release?.()
    }
    await inlineRequested(result, request, {
      storage: backend.storage,
      digests: this.#digests,
      maxBytes: MAX_RESULT_BYTES - entry.bytes.byteLength,
      signal,
    })
    return result
  }

  async #update(request: UpdateActionResultRequest, { signal }: CallContext): Promise<ActionResult> {
    const { instanceName, actionResult: result, digestFunction } = request
    const { backend } = this.#settings
    const action = this.#digests.read(request.actionDigest, digestFunction, 'action_digest')
    if (result === undefined) throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'action_result: it is missing')
    const inlined = takeInlined(result, this.#digests, digestFunction)
    const references = directDigests(result, this.#digests, digestFunction)
    for (const status of await backend.storage.bulkUpdateBlobs(inlined, { signal })) {
      const { code, message } = toRpcStatus(status)
      if (code !== StatusCode.OK) throw new GrpcError(code as StatusCode, message)
    }
    const bytes = toBinary(ActionResultSchema, result)
    if (bytes.byteLength > MAX_RESULT_BYTES) {
      const message = `action_result: ${bytes.byteLength} bytes are more than clients could receive`
      throw new GrpcError(StatusCode.INVALID_ARGUMENT, message)
    }
    await putEntryBytes(backend, actionKey(instanceName, action), { bytes, references, metadata: {} }, { signal })
    return result
  }

  /** Waits until the trees of a result can be looked through. Results without trees, which are most, do not wait. */
  async #acquireTrees({ outputDirectories }: ActionResult, call: CallContext): Promise<(() => void) | undefined> {
    if (outputDirectories.length === 0) return undefined
    return this.#trees.acquire(treeBytes(outputDirectories), call)
  }

  /** The check counts as use of every blob, so that what a client was promised is the last to be evicted. */
  async #assertComplete(
    action: Digest,
    result: ActionResult,
    requestedFunction: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { backend, maxTreeBytes } = this.#settings
    const { storage } = backend
    const closure = await closureOf(result, {
      storage,
      digests: this.#digests,
      requestedFunction,
      limits: new TreeLimits(maxTreeBytes),
      signal,
    })
    if (closure === null) throw notFound(action, 'one of its trees is missing or cannot be walked')
    for (let at = 0; at < closure.length; at += LOOKUPS_AT_ONCE) {
      const [missing] = await storage.missingBlobs(closure.slice(at, at + LOOKUPS_AT_ONCE), { signal })
      if (missing !== undefined) throw notFound(action, `blob ${formatDigest(missing)} that it names is not stored`)
      if (at + LOOKUPS_AT_ONCE < closure.length) await setImmediate()
    }
  }
}

/** Where the result of an action is kept, for all protocols that store REAPI results. */
export function actionKey(instanceName: string, { hash, digestFunction = 'sha256' }: Digest): ActionKey {
  return { namespace: `reapi:${digestFunction}:${instanceName}`, key: hash }
}

/** What the trees of a result come to as far as it tells, in bytes. */
function treeBytes(outputDirectories: ActionResult['outputDirectories']): number {
  const digests = outputDirectories.flatMap(({ treeDigest, rootDirectoryDigest }) => [treeDigest, rootDirectoryDigest])
  return digests.reduce((sum, digest) => sum + Math.max(Number(digest?.sizeBytes ?? 0n), 0), 0)
}

function parseResult(bytes: Uint8Array): ActionResult | null {
  try {
    return fromBinary(ActionResultSchema, bytes)
  } catch {
    return null
  }
}

function notFound(action: Digest, reason: string): GrpcError {
  return new GrpcError(StatusCode.NOT_FOUND, `no result for action ${formatDigest(action)}: ${reason}`)
}
