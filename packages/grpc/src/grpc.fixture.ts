import { once } from 'node:events'
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:http2'
import type { Client, ServiceError } from '@grpc/grpc-js'
import { credentials, makeGenericClientConstructor, Metadata } from '@grpc/grpc-js'
import type { GrpcServerOptions, Http2ServerOptions, Method } from './index.ts'
import { GrpcServer, Http2GrpcServer } from './index.ts'

/** A method of the test service as both sides see it: messages are plain bytes. */
export function bytesCodec(name: string): {
  path: string
  decode: (bytes: Buffer) => Buffer
  encode: (bytes: Buffer) => Buffer
} {
  return { path: `/test.Test/${name}`, decode: (bytes) => bytes, encode: (bytes) => bytes }
}

/** A server on a free port, with a grpc-js client connected to it. */
export interface TestServer extends AsyncDisposable {
  readonly address: string
  readonly http2: Http2GrpcServer
  readonly client: Client
}

/** Serves methods until disposed. */
export async function serve(
  methods: readonly Method[],
  options: Omit<GrpcServerOptions, 'methods'> = {},
  http2Options: Http2ServerOptions = {},
): Promise<TestServer> {
  const http2 = new Http2GrpcServer(new GrpcServer({ methods, ...options }), http2Options)
  const { port } = await http2.listen({ host: '127.0.0.1', port: 0 })
  const address = `127.0.0.1:${port}`
  const GenericClient = makeGenericClientConstructor({}, 'test.Test')
  const client = new GenericClient(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  })
  return {
    address,
    http2,
    client,
    async [Symbol.asyncDispose]() {
      client.close()
      await http2.close(1000)
    },
  }
}

/** How plain bytes are encoded and decoded. */
export function identity(bytes: Buffer): Buffer {
  return bytes
}

/** What a call came to: its response or its error, and its trailers. */
export interface Outcome {
  readonly response?: Buffer | undefined
  readonly error?: ServiceError | undefined
}

/** Makes a unary call. */
export function callUnary(
  client: Client,
  name: string,
  request: Buffer,
  metadata: Metadata = new Metadata(),
): Promise<Outcome> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(`/test.Test/${name}`, identity, identity, request, metadata, (error, response) =>
      resolve({ error: error ?? undefined, response }),
    )
  })
}

/** Makes a server-streaming call and gathers the responses. */
export function callServerStreaming(
  client: Client,
  name: string,
  request: Buffer,
): Promise<{ responses: Buffer[]; error?: ServiceError }> {
  return new Promise((resolve) => {
    const responses: Buffer[] = []
    const call = client.makeServerStreamRequest(`/test.Test/${name}`, identity, identity, request)
    call.on('data', (response: Buffer) => responses.push(response))
    call.on('error', (error: ServiceError) => resolve({ responses, error }))
    call.on('end', () => resolve({ responses }))
  })
}

/** Makes a client-streaming call with the given requests. */
export function callClientStreaming(
  client: Client,
  name: string,
  requests: readonly Buffer[],
  ends = true,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const call = client.makeClientStreamRequest(`/test.Test/${name}`, identity, identity, (error, response) =>
      resolve({ error: error ?? undefined, response }),
    )
    call.on('error', () => undefined)
    for (const request of requests) call.write(request)
    if (ends) call.end()
  })
}

/** The headers of a gRPC call. */
export function grpcHeaders(path: string): OutgoingHttpHeaders {
  return { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
}

/** Sends a request as it is; resolves to the headers of the response, together with its trailers. */
export async function rawCall(
  address: string,
  headers: OutgoingHttpHeaders,
  body: Buffer = Buffer.alloc(0),
): Promise<IncomingHttpHeaders> {
  const session = connect(`http://${address}`)
  const call = session.request(headers, { endStream: body.byteLength === 0 })
  const received: IncomingHttpHeaders = {}
  call.on('response', (fields) => Object.assign(received, fields))
  call.on('trailers', (fields) => Object.assign(received, fields))
  call.resume()
  if (body.byteLength > 0) call.end(body)
  await once(call, 'close')
  session.destroy()
  return received
}

/** Reads the body of a response. */
export async function readAll(call: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of call) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Waits until the server has seen everything that was sent before. */
export function ping(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    session.ping(() => resolve())
  })
}
