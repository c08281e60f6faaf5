import type { ActionKey } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { artifactOperation } from '../artifacts/artifact-operation.ts'
import type { Artifact } from '../artifacts/artifact-store.ts'
import { ArtifactStore } from '../artifacts/artifact-store.ts'
import type { HttpExchange } from '../http/http-exchange.ts'
import { HttpRefusal } from '../http/http-failure.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend, HttpOperation } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

/** What comes first is taken for the instance: names may have any folders, such as one more of this name. */
const PATH: PathPattern = { mark: '/webdav', pattern: /^\/(?:(.*?)\/)??webdav(?:\/(.*))?$/s }

/** The end of a path that Bazel's HTTP cache has, with `webdav` in its prefix. */
const BAZEL_END = /(?:^|\/)(?:ac|cas)\/[\da-f]{64}$/

const HEADERS = { 'content-type': 'application/octet-stream' }

const OPTIONS_HEADERS = { dav: '1', allow: 'OPTIONS, GET, HEAD, PUT, DELETE, PROPFIND, MKCOL' }

/** What sccache reads when it starts, to see whether it can. */
const CHECK_FILE = /(?:^|\/)\.sccache_check$/

/** The longest body of a request that is about a folder or a description, in bytes. */
const MAX_XML_BYTES = 1024 * 1024

/** The name under which an artifact remembers when it was stored, in milliseconds since 1970. */
const STORED_AT = 'stored-at'

/**
 * As much of WebDAV (RFC 4918) as sccache speaks, `/[instance/]webdav/{path}`: files, and folders that are always there.
 *
 * Files need no folders here, so to ask for one finds it, and to make one succeeds. What is in a folder is not told.
 *
 * sccache does not start, and so nothing is compiled, when it cannot read its check file for any reason but that there is none.
 * So that is what it is told; it then finds that it cannot write it either, and goes on without writing.
 */
export function webdavFrontend(context: FrontendContext, options: FrontendOptions = {}): HttpFrontend {
  const artifacts = new ArtifactStore(context, 'webdav')
  return {
    name: 'webdav',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      const [path = ''] = match?.parts ?? []
      if (match === undefined || BAZEL_END.test(path)) return undefined
      const { instanceName } = match
      const key = (): ActionKey => ({ namespace: `webdav:${instanceName}`, key: assertPath(path) })
      return { instanceName, ...operationOf(exchange, { artifacts, key, isFolder: path === '' || path.endsWith('/') }) }
    },
    sendFailure(exchange, failure, { access }) {
      const isCheck = access === 'read' && failure.status >= 500 && CHECK_FILE.test(exchange.path)
      exchange.sendText(isCheck ? { ...failure, status: 404 } : failure, failure.message)
    },
  }
}

/** What a request is about. */
interface Target {
  readonly artifacts: ArtifactStore
  readonly key: () => ActionKey
  readonly isFolder: boolean
}

function operationOf(exchange: HttpExchange, target: Target): Pick<HttpOperation, 'access' | 'answer'> {
  const { artifacts, key, isFolder } = target
  const { method } = exchange
  if (method === 'OPTIONS') {
    return { access: 'none', answer: async () => exchange.sendEmpty({ status: 200, headers: OPTIONS_HEADERS }) }
  }
  if (method === 'PROPFIND') return { access: 'read', answer: () => answerPropfind(exchange, target) }
  if (method === 'MKCOL') return { access: 'write', answer: () => makeFolder(exchange) }
  if (isFolder)
    return {
      access: 'read',
      answer: () => Promise.reject(new HttpRefusal(405, 'this is a folder', { allow: 'OPTIONS, PROPFIND, MKCOL' })),
    }
  return artifactOperation(exchange, {
    artifacts,
    key,
    headersOf: (artifact) => ({ ...HEADERS, 'last-modified': lastModified(artifact) }),
    metadata: { [STORED_AT]: String(Date.now()) },
    isRemovable: true,
    answerWrite: (outcome) => exchange.sendEmpty({ status: outcome === 'created' ? 201 : 204 }),
  })
}

async function makeFolder(exchange: HttpExchange): Promise<void> {
  await exchange.discardBody(MAX_XML_BYTES)
  exchange.sendEmpty({ status: 201 })
}

/** Which properties are asked for does not matter: all there are come with every answer. */
async function answerPropfind(exchange: HttpExchange, { artifacts, key, isFolder }: Target): Promise<void> {
  const depth = exchange.headers['depth'] ?? 'infinity'
  await exchange.discardBody(MAX_XML_BYTES)
  if (isFolder && depth !== '0') throw new HttpRefusal(403, 'what is in a folder is not told; ask with Depth: 0')
  const artifact = isFolder ? null : await artifacts.find(key(), exchange.signal)
  if (artifact === null && !isFolder) throw new HttpRefusal(404, `${key().key} is not stored`)
  exchange.sendBody({ status: 207 }, 'application/xml; charset=utf-8', multistatus(exchange.path, artifact))
}

/** RFC 4918, section 14.16. A folder is what is no artifact. */
function multistatus(path: string, artifact: Artifact | null): string {
  const properties =
    artifact === null
      ? `<D:resourcetype><D:collection/></D:resourcetype><D:getlastmodified>${new Date(0).toUTCString()}</D:getlastmodified>`
      : [
          '<D:resourcetype/>',
          `<D:getcontentlength>${artifact.digest.sizeBytes}</D:getcontentlength>`,
          `<D:getlastmodified>${lastModified(artifact)}</D:getlastmodified>`,
          `<D:getetag>"${artifact.digest.hash}"</D:getetag>`,
        ].join('')
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<D:multistatus xmlns:D="DAV:"><D:response><D:href>${escapeXml(path)}</D:href>`,
    `<D:propstat><D:prop>${properties}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`,
    '</D:response></D:multistatus>',
  ].join('')
}

/** As HTTP writes a date, which is what WebDAV wants too; clients refuse one with the wrong day of the week. */
function lastModified({ metadata }: Artifact): string {
  return new Date(Number(metadata[STORED_AT] ?? 0)).toUTCString()
}

function escapeXml(text: string): string {
  return text.replaceAll(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** Any name, as it was written: whoever writes it differently means another file. */
function assertPath(path: string): string {
  if (path.length <= 1024) return path
  throw new StorageError('invalid-argument', `a path has at most 1024 characters, this one ${path.length}`)
}
