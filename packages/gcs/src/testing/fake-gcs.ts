import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { GcsBucket } from '../gcs-bucket.ts'
import type { FakePlan, FakeRequest } from './fake-fault.ts'
import { answerRequest, describeRequest } from './fake-handlers.ts'
import { FakeObjects } from './fake-objects.ts'
import { FakeUploads } from './fake-uploads.ts'

/** How a fake is set up. */
export interface FakeGcsOptions {
  /** Default: `bucket`. */
  readonly bucketName?: string | undefined
  /** The token that every request must bring, or an empty string for none at all. Default: `token`. */
  readonly token?: string | undefined
  /** Content comes with an `x-goog-custom-time`. Default: false. */
  readonly hasCustomTimeHeader?: boolean | undefined
  /** Takes uploads whose length is not known beforehand, as other clients send them. Default: false. */
  readonly takesChunked?: boolean | undefined
}

/**
 * A server that behaves like one bucket of Google Cloud Storage behind its JSON API, as far as the backend uses it, and
 * goes wrong on request. For tests: it keeps everything in memory.
 *
 * It is strict: requests without the token, without a length, with malformed bodies or wrong checksums are refused.
 */
export class FakeGcs implements AsyncDisposable {
  readonly objects: FakeObjects
  readonly uploads: FakeUploads
  readonly hasCustomTimeHeader: boolean
  readonly takesChunked: boolean
  /** Every request that came, in order. */
  readonly requests: FakeRequest[] = []
  /** How requests go wrong. Default: not at all. */
  plan: FakePlan = () => undefined
  /** The token that every request must bring. */
  token: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #peakSockets = 0

  private constructor(server: Server, options: FakeGcsOptions) {
    const { bucketName = 'bucket', token = 'token', hasCustomTimeHeader, takesChunked = false } = options
    this.#server = server
    this.objects = new FakeObjects(bucketName)
    this.uploads = new FakeUploads(this.objects)
    this.token = token
    this.hasCustomTimeHeader = hasCustomTimeHeader === true
    this.takesChunked = takesChunked
  }

  /** Starts one on a port of 127.0.0.1 that is free. */
  static async start(options: FakeGcsOptions = {}): Promise<FakeGcs> {
    const server = createServer({ keepAliveTimeout: 300_000, requestTimeout: 0 })
    const fake = new FakeGcs(server, options)
    server.on('connection', (socket) => fake.#noteSocket(socket))
    server.on('request', (request, response) => void fake.#answer(request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return fake
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many connections are open. */
  get openSockets(): number {
    return this.#sockets.size
  }

  /** How many connections were open at once at most. */
  get peakSockets(): number {
    return this.#peakSockets
  }

  /** The bucket, for the options of a backend, with credentials that are right as long as `token` is not changed. */
  bucket(): GcsBucket {
    const headers = new Headers({ authorization: `Bearer ${this.token}` })
    return {
      name: this.objects.bucketName,
      storage: {
        apiEndpoint: this.url,
        customEndpoint: true,
        useAuthWithCustomEndpoint: this.token !== '',
        authClient: { getRequestHeaders: () => Promise.resolve(headers) },
      },
    }
  }

  /** Ends all connections. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.dropConnections()
    await closed
  }

  #noteSocket(socket: Socket): void {
    this.#sockets.add(socket)
    this.#peakSockets = Math.max(this.#peakSockets, this.#sockets.size)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const described = describeRequest(request, this.objects.bucketName, this.requests.length + 1)
    this.requests.push(described)
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    await answerRequest(this, { request, response, described, fault: this.plan(described) })
  }
}
