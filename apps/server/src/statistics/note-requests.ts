import type { GrpcServerOptions } from '@caskade/grpc'
import { statusCodeName } from '@caskade/grpc'
import type { HttpServerOptions } from '../http/http-server.ts'
import type { Durations, RequestCounts, RequestKind } from './request-counts.ts'

/** Stands for a service that is not served, or a method that it does not have. */
const UNKNOWN = 'unknown'

/** Counts calls of gRPC. */
export function noteCall(requests: RequestCounts): NonNullable<GrpcServerOptions['onCallEnded']> {
  // By path and code: this happens for every call.
  const known = new Map<string, (Durations | undefined)[]>()
  return (path = '', code, seconds) => {
    let byCode = known.get(path)
    if (byCode === undefined) {
      byCode = []
      known.set(path, byCode)
    }
    byCode[code] ??= requests.of({ protocol: 'grpc', ...namesOf(path), code: statusCodeName(code) })
    byCode[code].add(seconds)
  }
}

/** Counts requests of HTTP. */
export function noteExchange(requests: RequestCounts): NonNullable<HttpServerOptions['onAnswered']> {
  return ({ frontend: service = UNKNOWN, method, response }, seconds) => {
    const code = response.writableFinished ? String(response.statusCode) : 'aborted'
    requests.of({ protocol: 'http', service, method, code }).add(seconds)
  }
}

/** `/build.bazel.remote.execution.v2.ActionCache/GetActionResult` is a method of `ActionCache`. */
function namesOf(path: string): Pick<RequestKind, 'service' | 'method'> {
  const [, service = UNKNOWN, method = UNKNOWN] = /([^./]+)\/([^/]+)$/.exec(path) ?? []
  return { service, method }
}
