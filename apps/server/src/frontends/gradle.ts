import { artifactOperation } from '../artifacts/artifact-operation.ts'
import { ArtifactStore } from '../artifacts/artifact-store.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

/** The key of Gradle is one part of a path; that of Maven: version of the layout, group, artifact, checksum, name of the file. */
const PATH: PathPattern = {
  mark: '/gradle/',
  pattern: /^\/(?:(.*?)\/)?gradle\/([\w.-]{1,256}|v\d[\d.]*(?:\/[\w.%~+-]{1,200}){4})$/s,
}

const HEADERS = { 'content-type': 'application/vnd.gradle.build-cache-artifact.v1' }

/**
 * The HTTP build cache of Gradle, and that of Maven's build cache extension: `/[instance/]gradle/{key}`.
 *
 * Maven tries a request again for half a minute when it is told that the service is unavailable (503), and a build has many. So
 * it is told of a failure that is not worth waiting for; Gradle takes all failures alike.
 */
export function gradleFrontend(context: FrontendContext, options: FrontendOptions = {}): HttpFrontend {
  const artifacts = new ArtifactStore(context, 'gradle')
  return {
    name: 'gradle',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      if (match === undefined) return undefined
      const { instanceName, parts } = match
      const key = { namespace: `gradle:${instanceName}`, key: parts[0] ?? '' }
      return { instanceName, ...artifactOperation(exchange, { artifacts, key: () => key, headersOf: () => HEADERS }) }
    },
    sendFailure(exchange, failure) {
      exchange.sendText(failure.status === 503 ? { ...failure, status: 500 } : failure, failure.message)
    },
  }
}
