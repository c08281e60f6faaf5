import type { Blob } from './blobs.ts'
import type { PreparedRequest } from './request-file.ts'

/** What Bazel sends with each request over HTTP. */
const HEADERS = ['user-agent', 'bazel/4.2.3', 'accept', '*/*', 'accept-encoding', 'gzip', 'connection', 'keep-alive']

export function httpGet({ digest }: Blob): PreparedRequest {
  return {
    method: 'GET',
    path: `/cas/${digest.hash}`,
    headers: HEADERS,
    status: 200,
    expect: digest.sizeBytes,
    body: [],
  }
}

export function httpPut({ digest, bytes }: Blob): PreparedRequest {
  return { method: 'PUT', path: `/cas/${digest.hash}`, headers: HEADERS, status: 200, expect: 0, body: [bytes] }
}
