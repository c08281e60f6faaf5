import { assertHash } from '@caskade/core'
import type { HttpExchange } from '../http/http-exchange.ts'
import { methodRefusal } from '../http/http-failure.ts'
import type { ToolStatistics } from '../statistics/statistics.ts'
import type { FrontendContext, HttpOperation } from './http-frontend.ts'

/** A request of Bazel's HTTP cache, and what it is about. */
export interface BazelRequest {
  readonly exchange: HttpExchange
  readonly instanceName: string
  readonly hash: string
  readonly context: FrontendContext
  readonly tool: ToolStatistics
}

/** How requests of one kind are answered. */
export interface BazelAnswers {
  readonly read: (request: BazelRequest) => Promise<void>
  readonly write: (request: BazelRequest) => Promise<void>
  readonly remove?: ((request: BazelRequest) => Promise<void>) | undefined
}

/** What a request asks, by its method. */
export function bazelOperation(request: BazelRequest, { read, write, remove }: BazelAnswers): HttpOperation {
  const { method } = request.exchange
  if (method === 'GET' || method === 'HEAD') return checkedOperation(request, 'read', read)
  if (method === 'PUT') return checkedOperation(request, 'write', write)
  if (method === 'DELETE' && remove !== undefined) return checkedOperation(request, 'write', remove)
  const allowed = `GET, HEAD, PUT${remove === undefined ? '' : ', DELETE'}`
  const { instanceName } = request
  return { instanceName, access: 'none', answer: () => Promise.reject(methodRefusal(method, allowed)) }
}

function checkedOperation(
  request: BazelRequest,
  access: HttpOperation['access'],
  answer: (request: BazelRequest) => Promise<void>,
): HttpOperation {
  return {
    instanceName: request.instanceName,
    access,
    answer: async () => {
      assertHash(request.hash)
      await answer(request)
    },
  }
}
