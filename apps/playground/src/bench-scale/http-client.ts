import type { Agent } from 'node:http'
import { request } from 'node:http'

/** A request over HTTP. */
export interface HttpRequest {
  /** `host:port`. */
  readonly address: string
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly body?: Uint8Array | undefined
  readonly agent?: Agent | undefined
}

/** What it was answered with. */
export interface HttpAnswer {
  readonly status: number
  readonly body: Buffer
}

/** Sends a request and waits for all of the response. Rejects when there is none. */
export function sendHttp({ address, method, path, body, agent }: HttpRequest): Promise<HttpAnswer> {
  const headers = body === undefined ? {} : { 'content-length': body.byteLength }
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const sent = request(`http://${address}${path}`, { method, headers, ...(agent === undefined ? {} : { agent }) })
  sent.once('error', reject)
  sent.once('response', (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('error', reject)
    response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
  })
  sent.end(body)
  return promise
}
