import type { Digest } from '@caskade/core'
import { createDigest } from '@caskade/core'
import type { HttpExchange } from '../http/http-exchange.ts'
import { HttpRefusal, methodRefusal } from '../http/http-failure.ts'
import { readBody } from '../http/read-body.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

const PATH: PathPattern = { mark: '/ac/', pattern: /^\/(?:(.*)\/)?ac\/([^/]*)$/s }

/** The longest result as JSON, in bytes. */
const MAX_JSON_BYTES = 8 * 1024 * 1024

/**
 * The results of moon over HTTP, `/[instance/]ac/{hash}`: those of the Remote Execution API as JSON, which is how a request
 * for them is told from one for what other tools keep there. They are the same that moon finds over gRPC.
 *
 * Blobs are served as Bazel's are.
 */
export function moonHttpFrontend(context: FrontendContext, options: FrontendOptions = {}): HttpFrontend {
  return {
    name: 'moon',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      if (match === undefined || !isJson(exchange)) return undefined
      const { instanceName, parts } = match
      const isWrite = exchange.method === 'PUT'
      return {
        instanceName,
        access: isWrite ? 'write' : 'read',
        async answer() {
          const action = createDigest(parts[0] ?? '', 0)
          if (isWrite) await receiveResult(exchange, instanceName, action, context)
          else await sendResult(exchange, instanceName, action, context)
        },
      }
    },
  }
}

const JSON_TYPE = /(?:^|,)\s*application\/json\s*(?:[;,]|$)/i

function isJson({ method, headers }: HttpExchange): boolean {
  return JSON_TYPE.test((method === 'PUT' ? headers['content-type'] : headers.accept) ?? '')
}

async function sendResult(
  exchange: HttpExchange,
  instanceName: string,
  action: Digest,
  { actionResults, statistics }: FrontendContext,
): Promise<void> {
  const { method, peer, signal } = exchange
  if (method !== 'GET' && method !== 'HEAD') throw methodRefusal(method, 'GET, HEAD, PUT')
  const result = await actionResults.get(instanceName, action, { format: 'json', peer, signal })
  statistics.of('moon').noteLookup(result !== null)
  if (result === null) throw new HttpRefusal(404, `no result for action ${action.hash}`)
  exchange.sendBody({ status: 200 }, 'application/json', result)
  if (method === 'GET') statistics.of('moon').noteSent(result.byteLength)
}

async function receiveResult(
  exchange: HttpExchange,
  instanceName: string,
  action: Digest,
  context: FrontendContext,
): Promise<void> {
  const { actionResults, statistics } = context
  using body = await readBody(exchange, context, MAX_JSON_BYTES)
  await actionResults.put(instanceName, action, body.bytes, { format: 'json' })
  statistics.of('moon').noteOffered(body.bytes.byteLength, false)
  exchange.sendEmpty({ status: 200 })
}
