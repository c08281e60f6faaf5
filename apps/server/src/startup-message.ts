import { formatAddress } from './config/listen-address.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from './config/server-config.ts'
import type { RunningServer } from './server.ts'
import { version } from './version.ts'

/** What the server says when it is ready: what it serves, where the data is, and the lines to paste. */
export function startupMessage({ grpcAddress, httpAddress, dataDirectory }: RunningServer): string {
  const grpc = formatAddress(grpcAddress)
  const http = formatAddress(httpAddress)
  const isDefault = grpc === DEFAULT_LISTEN && http === DEFAULT_HTTP_LISTEN
  const flags = isDefault ? '' : ` --listen ${grpc} --http-listen ${http}`
  return `Caskade ${version} is ready.

  gRPC   grpc://${grpc}    Remote Execution API v2: Bazel, moon, and others
  HTTP   http://${http}    Turborepo, Nx, Gradle, Maven, ccache, sccache, Bazel, moon
  data   ${dataDirectory}

Bazel, in .bazelrc:                 build --remote_cache=grpc://${grpc}
moon, in .moon/workspace.yml:       remote: { host: 'grpc://${grpc}' }
Turborepo, in the environment:      TURBO_API=http://${http} TURBO_TEAM=team TURBO_TOKEN=any
Nx, in the environment:             NX_SELF_HOSTED_REMOTE_CACHE_SERVER=http://${http}
ccache, in ccache.conf:             remote_storage = http://${http}/ccache
sccache, in the environment:        SCCACHE_WEBDAV_ENDPOINT=http://${http}/webdav

In the folder of a project, this says the same for its build tools, Gradle and Maven included, and does it with --write:

  caskade setup${flags}

What each tool has found so far:    http://${http}/status

Stop it with Ctrl-C.
`
}
