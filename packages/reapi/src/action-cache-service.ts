import { toBinary } from '@bufbuild/protobuf'
import type { CallContext, Method } from '@caskade/grpc'
import { GrpcError, StatusAnswer, StatusCode, unaryMethod } from '@caskade/grpc'
import { inlineRequested } from './action-result-inlining.ts'
import type { ActionName, ActionResults } from './action-results.ts'
import { decodeResult, MAX_RESULT_BYTES, NOT_A_RESULT, NOT_CACHED } from './action-results.ts'
import { codecOf, pathOf } from './codec.ts'
import type { DigestReader, UncheckedDigest } from './digests.ts'
import type { GetResultRequest } from './hot/action-result-messages.ts'
import { decodeGetResultRequest } from './hot/action-result-messages.ts'
import type { ActionResult, UpdateActionResultRequest } from './messages.ts'
import { ActionCache, ActionResultSchema } from './messages.ts'
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
      unaryMethod(
        { path: pathOf(getActionResult), decode: decodeGetResultRequest, encode: (bytes: Uint8Array) => bytes },
        (request, call) => this.#get(request, call),
      ),
      unaryMethod(codecOf(updateActionResult), (request, call) => this.#update(request, call)),
    ]
  }

  /** Answers with a result as it is stored, unless content is to be inlined in it. */
  async #get(request: GetResultRequest, call: CallContext): Promise<Uint8Array | StatusAnswer> {
    const name = this.#nameOf(request)
    const found = await this.#results.find(name, call)
    this.#settings.onUse({ kind: 'lookup', isHit: found.bytes !== null }, call)
    if (found.bytes === null) return noResult(found.reason)
    const { inlineStdout, inlineStderr, inlineOutputFiles } = request
    if (!inlineStdout && !inlineStderr && inlineOutputFiles.length === 0) return found.bytes
    const result = decodeResult(found.bytes)
    if (result === null) return noResult(NOT_A_RESULT)
    await inlineRequested(result, request, {
      storage: this.#settings.backend.storage,
      digests: this.#digests,
      maxBytes: MAX_RESULT_BYTES - found.bytes.byteLength,
      signal: call.signal,
    })
    return toBinary(ActionResultSchema, result)
  }

  async #update(request: UpdateActionResultRequest, call: CallContext): Promise<ActionResult> {
    const name = this.#nameOf(request)
    const { actionResult: result } = request
    if (result === undefined) throw new GrpcError(StatusCode.INVALID_ARGUMENT, 'action_result: it is missing')
    await this.#results.store(name, result, call)
    this.#settings.onUse({ kind: 'result' }, call)
    return result
  }

  #nameOf({
    instanceName,
    actionDigest,
    digestFunction: requestedFunction,
  }: {
    readonly instanceName: string
    readonly actionDigest?: UncheckedDigest | undefined
    readonly digestFunction: number
  }): ActionName {
    this.#settings.assertInstance(instanceName)
    const action = this.#digests.read(actionDigest, requestedFunction, 'action_digest')
    return { instanceName, action, requestedFunction }
  }
}

/** The answer to a miss, which is the same each time. */
const NOTHING_CACHED = Object.freeze(answerFor(NOT_CACHED))

function noResult(reason: string): StatusAnswer {
  return reason === NOT_CACHED ? NOTHING_CACHED : answerFor(reason)
}

/** The client knows for which action. */
function answerFor(reason: string): StatusAnswer {
  return new StatusAnswer(StatusCode.NOT_FOUND, `no result for this action: ${reason}`)
}
