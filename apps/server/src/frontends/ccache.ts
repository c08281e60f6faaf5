import { artifactOperation } from '../artifacts/artifact-operation.ts'
import { ArtifactStore } from '../artifacts/artifact-store.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

/** A key in base 32 (RFC 4648, section 7), whole or with its first two characters as a folder. */
const PATH: PathPattern = { mark: '/ccache/', pattern: /^\/(?:(.*?)\/)?ccache\/([\da-v]{2})\/?([\da-v]{18,126})$/s }

const HEADERS = { 'content-type': 'application/octet-stream' }

/**
 * ccache's own HTTP storage, `/[instance/]ccache/{key}`, in its layouts `flat` and `subdirs`, which name the same entries.
 * Its layout `bazel` is served as that of Bazel is.
 *
 * Entries are replaced under the same key as ccache learns more of a source, and removed when it finds them unusable.
 */
export function ccacheFrontend(context: FrontendContext, options: FrontendOptions = {}): HttpFrontend {
  const artifacts = new ArtifactStore(context, 'ccache')
  return {
    name: 'ccache',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      if (match === undefined) return undefined
      const { instanceName, parts } = match
      const key = { namespace: `ccache:${instanceName}`, key: parts.join('') }
      const request = { artifacts, key: () => key, headersOf: () => HEADERS, isRemovable: true }
      return { instanceName, ...artifactOperation(exchange, request) }
    },
  }
}
