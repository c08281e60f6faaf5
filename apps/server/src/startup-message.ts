import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './server.ts'
import { version } from './version.ts'

/** What the server says when it is ready: what it serves, where the data is, and the lines to paste. */
export function startupMessage({ grpcAddress, httpAddress, dataDirectory }: RunningServer): string {
  const grpc = formatAddress(grpcAddress)
  const http = formatAddress(httpAddress)
  return `Caskade ${version} is ready.

  gRPC   grpc://${grpc}    Remote Execution API v2: Bazel, moon, and others
  HTTP   http://${http}    Bazel HTTP cache, ccache; /healthz
  data   ${dataDirectory}

Bazel, in .bazelrc (one of the two):
  build --remote_cache=grpc://${grpc}
  build --remote_cache=http://${http}

moon, in .moon/workspace.yml:
  remote:
    host: 'grpc://${grpc}'

ccache, in ccache.conf:
  remote_storage = http://${http}|layout=bazel

Stop it with Ctrl-C.
`
}
