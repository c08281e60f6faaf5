import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { ActionKey, Digest } from '@caskade/core'
import { digestKey, formatDigest, getEntryBytes, putEntryBytes } from '@caskade/core'
import type { CallContext, Method } from '@caskade/grpc'
import { GrpcError, StatusCode, unaryMethod } from '@caskade/grpc'
import { closureOf, directDigests } from './action-result-digests.ts'
import { inlineRequested, takeInlined } from './action-result-inlining.ts'
import { codecOf } from './codec.ts'
import type { DigestReader } from './digests.ts'
import type { ActionResult, GetActionResultRequest, UpdateActionResultRequest } from './messages.ts'
import { ActionCache, ActionResultSchema } from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'
import { toRpcStatus } from './status-mapping.ts'
import { TreeLimits } from './tree-limits.ts'

/** What a response may come to, inlined content included, in bytes: clients receive 4 MiB at most unless told otherwise. */
const MAX_RESULT_BYTES = 3.75 * 1024 * 1024

/** `ActionCache`: results of actions, answered only while every blob they name is there. */
export class ActionCacheService {
  readonly #settings: ReapiSettings
  readonly #digests: DigestReader

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

  async #get(request: GetActionResultRequest, { signal }: CallContext): Promise<ActionResult> {
    const { backend } = this.#settings
    const action = this.#digests.read(request.actionDigest, request.digestFunction, 'action_digest')
    const key = actionKey(request.instanceName, action)
    const entry = await getEntryBytes(backend, key, { signal, maxBytes: MAX_RESULT_BYTES })
    if (entry === null) throw notFound(action, 'it is not in the action cache')
    const result = parseResult(entry.bytes)
    if (result === null) throw notFound(action, 'what is stored for it is not an ActionResult')
    await this.#assertComplete(action, result, request.digestFunction, signal)
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
    const distinct = [...new Map(closure.map((digest) => [digestKey(digest), digest])).values()]
    const [missing] = await storage.missingBlobs(distinct, { signal })
    if (missing !== undefined) throw notFound(action, `blob ${formatDigest(missing)} that it names is not stored`)
  }
}

/** Where the result of an action is kept, for all protocols that store REAPI results. */
export function actionKey(instanceName: string, { hash, digestFunction = 'sha256' }: Digest): ActionKey {
  return { namespace: `reapi:${digestFunction}:${instanceName}`, key: hash }
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
