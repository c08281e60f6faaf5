import { formatDigest } from '@caskade/core'
import type { CallContext, Method } from '@caskade/grpc'
import { GrpcError, StatusCode, unaryMethod } from '@caskade/grpc'
import { inlineRequested } from './action-result-inlining.ts'
import type { ActionName, ActionResults } from './action-results.ts'
import { MAX_RESULT_BYTES } from './action-results.ts'
import { codecOf } from './codec.ts'
import type { DigestReader } from './digests.ts'
import type { ActionResult, GetActionResultRequest, UpdateActionResultRequest } from './messages.ts'
import { ActionCache } from './messages.ts'
import type { ReapiSettings } from './reapi-options.ts'

/** `ActionCache`: results of actions, answered only while every blob they name is there. */
export class ActionCacheService {
  readonly #settings: ReapiSettings
  readonly #digests: DigestReader
  readonly #results: ActionResults

  constructor(settings: ReapiSettings, digests: DigestReader, results: ActionResults) {
    this.#settings = settings
    this.#digests = digests
    this.#results = results
  }

  methods(): Method[] {
    const { getActionResult, updateActionResult } = ActionCache.method
    return [
      unaryMethod(codecOf(getActionResult), (request, call) => this.#get(request, call)),
      unaryMethod(codecOf(updateActionResult), (request, call) => this.#update(request, call)),
    ]
  }

  async #get(request: GetActionResultRequest, call: CallContext): Promise<ActionResult> {
    const name = this.#nameOf(request)
    const found = await this.#results.find(name, call)
    this.#settings.onUse({ kind: 'lookup', isHit: found.result !== null }, call)
    if (found.result === null) {
      const message = `no result for action ${formatDigest(name.action)}: ${found.reason}`
      throw new GrpcError(StatusCode.NOT_FOUND, message)
    }
    await inlineRequested(found.result, request, {
      storage: this.#settings.backend.storage,
      digests: this.#digests,
      maxBytes: MAX_RESULT_BYTES - found.sizeBytes,
      signal: call.signal,
    })
    return found.result
  }

  async #update(request: UpdateActionResultRequest, call: CallContext): Promise<ActionResult> {
    const name = this.#nameOf(request)
    const { actionResult: result } = request
    if (result === undefined) throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'action_result: it is missing')
    await this.#results.store(name, result, call)
    this.#settings.onUse({ kind: 'result' }, call)
    return result
  }

  #nameOf(request: GetActionResultRequest | UpdateActionResultRequest): ActionName {
    const { instanceName, actionDigest, digestFunction: requestedFunction } = request
    this.#settings.assertInstance(instanceName)
    const action = this.#digests.read(actionDigest, requestedFunction, 'action_digest')
    return { instanceName, action, requestedFunction }
  }
}
