import type { ActionKey } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { artifactOperation } from '../artifacts/artifact-operation.ts'
import type { WriteOutcome } from '../artifacts/artifact-store.ts'
import { ArtifactStore } from '../artifacts/artifact-store.ts'
import type { HttpExchange } from '../http/http-exchange.ts'
import { HttpRefusal } from '../http/http-failure.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

const PATH: PathPattern = { mark: '/v1/cache/', pattern: /^\/(?:(.*?)\/)?v1\/cache\/([^/]*)$/s }

const HEADERS = { 'content-type': 'application/octet-stream' }

/** How the frontend for Nx behaves. */
export interface NxOptions extends FrontendOptions {
  /** Replaces an artifact that is stored again. Default: false, so that nobody can change what others rely on. */
  readonly overwrite?: boolean | undefined
}

/**
 * Nx's self-hosted remote cache, `/[instance/]v1/cache/{hash}`.
 *
 * Nx ends its whole run when a read fails, and fails the task when a write does, unless the status is one that it takes
 * calmly. So a read that fails is told as a miss, which costs a rebuild and is logged here, and a write that fails as one
 * that is not permitted; the body says what is wrong. An answer that breaks off is such a failure too, so an artifact is read to its
 * end first.
 */
export function nxFrontend(context: FrontendContext, options: NxOptions = {}): HttpFrontend {
  const artifacts = new ArtifactStore(context, 'nx', { readWhole: true })
  const ifAbsent = options.overwrite !== true
  return {
    name: 'nx',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      if (match === undefined) return undefined
      const { instanceName, parts } = match
      const key = (): ActionKey => ({ namespace: `nx:${instanceName}`, key: assertHash(parts[0] ?? '') })
      const answerWrite = (outcome: WriteOutcome): void => answerStored(exchange, outcome)
      const request = { artifacts, key, headersOf: () => HEADERS, ifAbsent, answerWrite }
      return { instanceName, ...artifactOperation(exchange, request) }
    },
    sendFailure(exchange, failure, { access }) {
      const isCalm = failure.status < 500 && failure.status !== 413
      const status = isCalm ? failure.status : CALM_STATUS[access]
      exchange.sendText({ ...failure, status }, failure.message)
    },
  }
}

/** What Nx takes calmly, by what it asked for. */
const CALM_STATUS = { read: 404, write: 403, none: 404 } as const

function answerStored(exchange: HttpExchange, outcome: WriteOutcome): void {
  if (outcome === 'kept') throw new HttpRefusal(409, 'the artifact is stored already, and is not replaced')
  // Exactly this: any other success is taken for a misconfigured cache.
  exchange.sendEmpty({ status: 200 })
}

function assertHash(hash: string): string {
  if (/^[\w-]{1,128}$/.test(hash)) return hash
  throw new StorageError('invalid-argument', `${JSON.stringify(hash.slice(0, 150))} is not the hash of a task`)
}
