import type { ActionKey } from '@caskade/core'
import type { HttpOperation } from '../frontends/http-frontend.ts'
import type { HttpExchange } from '../http/http-exchange.ts'
import { HttpRefusal, methodRefusal, storedAlready } from '../http/http-failure.ts'
import type { Artifact, ArtifactStore, WriteOptions, WriteOutcome } from './artifact-store.ts'

/** What a request for one artifact is about, and how its tool wants it answered. */
export interface ArtifactRequest extends WriteOptions {
  readonly artifacts: ArtifactStore
  /** Where the artifact is kept. What it throws is told as any failure. */
  readonly key: () => ActionKey
  /** What an answer carries that has the artifact. */
  readonly headersOf: (artifact: Artifact) => Readonly<Record<string, string>>
  /** Whether it can be removed. Default: false. */
  readonly isRemovable?: boolean | undefined
  /** Answers once the artifact is stored, or was left in place. Default: 201 for a new one, else 200. */
  readonly answerWrite?: ((outcome: WriteOutcome) => void) | undefined
}

/** What a request for one artifact asks, as most tools have it: GET and HEAD read, PUT stores, DELETE removes. */
export function artifactOperation(
  exchange: HttpExchange,
  request: ArtifactRequest,
): Pick<HttpOperation, 'access' | 'answer'> {
  const { method } = exchange
  if (method === 'GET' || method === 'HEAD') return { access: 'read', answer: () => send(exchange, request) }
  if (method === 'PUT') return { access: 'write', answer: () => receive(exchange, request) }
  if (method === 'DELETE' && request.isRemovable === true) {
    return { access: 'write', answer: () => remove(exchange, request) }
  }
  const allowed = `GET, HEAD, PUT${request.isRemovable === true ? ', DELETE' : ''}`
  return { access: 'none', answer: () => Promise.reject(methodRefusal(method, allowed)) }
}

async function send(exchange: HttpExchange, { artifacts, key, headersOf }: ArtifactRequest): Promise<void> {
  const actionKey = key()
  if (!(await artifacts.send(exchange, actionKey, headersOf))) throw notStored(actionKey)
}

async function receive(exchange: HttpExchange, request: ArtifactRequest): Promise<void> {
  const { artifacts, key, answerWrite } = request
  const { isOnlyIfAbsent } = exchange
  const outcome = await artifacts.receive(exchange, key(), isOnlyIfAbsent ? { ...request, ifAbsent: true } : request)
  if (isOnlyIfAbsent && outcome === 'kept') throw storedAlready()
  if (answerWrite === undefined) exchange.sendEmpty({ status: outcome === 'created' ? 201 : 200 })
  else answerWrite(outcome)
}

async function remove(exchange: HttpExchange, { artifacts, key }: ArtifactRequest): Promise<void> {
  const actionKey = key()
  if (!(await artifacts.remove(actionKey, exchange.signal))) throw notStored(actionKey)
  exchange.sendEmpty({ status: 204 })
}

function notStored({ key }: ActionKey): HttpRefusal {
  return new HttpRefusal(404, `${key} is not stored`)
}
