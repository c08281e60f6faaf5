import type { ActionKey } from '@caskade/core'
import { mapLimit, StorageError } from '@caskade/core'
import { artifactOperation } from '../artifacts/artifact-operation.ts'
import type { Artifact } from '../artifacts/artifact-store.ts'
import { ArtifactStore } from '../artifacts/artifact-store.ts'
import type { HttpExchange } from '../http/http-exchange.ts'
import { methodRefusal } from '../http/http-failure.ts'
import { readJson } from '../http/read-body.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend, HttpOperation } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

const PATH: PathPattern = { mark: '/v8/artifacts', pattern: /^\/(?:(.*?)\/)?v8\/artifacts(?:\/([^/]*))?$/s }

/** Headers that come with an artifact and go with it: its duration, its signature, and what it was made of. */
const ARTIFACT_HEADER = /^x-artifact-(?!client-)/

const MAX_JSON_BYTES = 1024 * 1024
const MAX_HASHES = 10_000
const LOOKUPS_AT_ONCE = 16

const PREFLIGHT_HEADERS = {
  // Each by its name: a client that does not find Authorization here goes on without it.
  'access-control-allow-headers': [
    'Authorization, Content-Type, Content-Length, User-Agent, x-artifact-duration, x-artifact-tag, x-artifact-sha',
    'x-artifact-dirty-hash, x-artifact-client-ci, x-artifact-client-interactive',
  ].join(', '),
}

/** What Turborepo finds in the body of a failure, by the status that it comes with. */
const ERROR_CODES: Readonly<Record<number, string>> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  507: 'insufficient_storage',
}

/**
 * Turborepo's remote cache, `/[instance/]v8/artifacts`: artifacts, whether they are there (one or many at once), events, and
 * the preflight that turbo makes when it is asked to. It is not one that browsers would be content with.
 *
 * Teams keep their artifacts apart: by the id where the client sends one, else by the slug. Signatures are kept as they are.
 */
export function turborepoFrontend(context: FrontendContext, options: FrontendOptions = {}): HttpFrontend {
  const artifacts = new ArtifactStore(context, 'turborepo')
  return {
    name: 'turborepo',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      if (match === undefined) return undefined
      const { instanceName, parts } = match
      const namespace = `turborepo:${instanceName}:${teamOf(exchange)}`
      return { instanceName, ...operationOf(exchange, { context, artifacts, namespace, name: parts[0] ?? '' }) }
    },
    sendFailure(exchange, failure) {
      const code = ERROR_CODES[failure.status] ?? 'internal_error'
      exchange.sendJson(failure, { error: { code, message: failure.message } })
    },
  }
}

/** What a request is about: the artifacts of a team, and the name of one of them, or of something else. */
interface Target {
  readonly context: FrontendContext
  readonly artifacts: ArtifactStore
  readonly namespace: string
  readonly name: string
}

function operationOf(exchange: HttpExchange, target: Target): Pick<HttpOperation, 'access' | 'answer'> {
  const { context, artifacts, namespace, name } = target
  if (exchange.method === 'OPTIONS') return { access: 'none', answer: async () => answerPreflight(exchange) }
  if (name === 'status') return { access: 'none', answer: async () => answerStatus(exchange) }
  if (name === 'events') return { access: 'none', answer: () => receiveEvents(exchange, context) }
  if (name === '') return { access: 'read', answer: () => answerQuery(exchange, target) }
  return artifactOperation(exchange, {
    artifacts,
    key: () => keyOf(namespace, name),
    headersOf: ({ metadata }) => ({ 'content-type': 'application/octet-stream', ...metadata }),
    metadata: artifactHeaders(exchange),
    answerWrite: () => exchange.sendJson({ status: 202 }, { urls: [exchange.path] }),
  })
}

/** People choose slugs: one that reads like the id of another team is still another team. */
function teamOf({ query }: HttpExchange): string {
  const [id, slug] = [query.get('teamId') ?? '', query.get('slug') ?? '']
  return id === '' ? `slug=${encodeURIComponent(slug)}` : `id=${encodeURIComponent(id)}`
}

function keyOf(namespace: string, hash: string): ActionKey {
  if (/^[\w-]{1,128}$/.test(hash)) return { namespace, key: hash }
  throw new StorageError('invalid-argument', `${JSON.stringify(hash.slice(0, 150))} is not the hash of an artifact`)
}

function artifactHeaders({ headers }: HttpExchange): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => ARTIFACT_HEADER.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}

function answerPreflight(exchange: HttpExchange): void {
  exchange.sendEmpty({ status: 204, headers: PREFLIGHT_HEADERS })
}

function answerStatus(exchange: HttpExchange): void {
  if (exchange.method !== 'GET') throw methodRefusal(exchange.method, 'GET')
  exchange.sendJson({ status: 200 }, { status: 'enabled' })
}

/** What the client did with its caches, the local one included. Nothing is made of it: this server counts for itself. */
async function receiveEvents(exchange: HttpExchange, context: FrontendContext): Promise<void> {
  if (exchange.method !== 'POST') throw methodRefusal(exchange.method, 'POST')
  const events = await readJson(exchange, context, MAX_JSON_BYTES)
  if (!Array.isArray(events)) throw new StorageError('invalid-argument', 'the body is not an array of events')
  exchange.sendEmpty({ status: 200 })
}

/** Which of many artifacts are there, and what is known of them. */
async function answerQuery(exchange: HttpExchange, { context, artifacts, namespace }: Target): Promise<void> {
  if (exchange.method !== 'POST') throw methodRefusal(exchange.method, 'POST')
  const keys = hashesOf(await readJson(exchange, context, MAX_JSON_BYTES)).map((hash) => keyOf(namespace, hash))
  const found = await mapLimit(keys, LOOKUPS_AT_ONCE, (key) => artifacts.find(key, exchange.signal))
  const answers = keys.map(({ key }, index) => [key, describe(found[index] ?? null)] as const)
  exchange.sendJson({ status: 200 }, Object.fromEntries(answers))
}

function hashesOf(body: unknown): string[] {
  const hashes = typeof body === 'object' && body !== null && 'hashes' in body ? body.hashes : undefined
  if (!Array.isArray(hashes) || !hashes.every((hash) => typeof hash === 'string')) {
    throw new StorageError('invalid-argument', 'the body is not {"hashes": [...]} with the hashes of artifacts')
  }
  if (hashes.length > MAX_HASHES)
    throw new StorageError('too-large', `at most ${MAX_HASHES} hashes are answered at once`)
  return hashes
}

function describe(artifact: Artifact | null): object | null {
  if (artifact === null) return null
  const { 'x-artifact-duration': duration, 'x-artifact-tag': tag } = artifact.metadata
  const durationMs = Number(duration ?? 0)
  return {
    size: artifact.digest.sizeBytes,
    // An unsigned integer, or turbo cannot read the answer.
    taskDurationMs: Number.isSafeInteger(durationMs) && durationMs >= 0 ? durationMs : 0,
    ...(tag !== undefined && { tag }),
  }
}
