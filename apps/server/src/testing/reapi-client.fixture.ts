import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  ActionCache,
  ByteStream,
  Capabilities,
  ContentAddressableStorage,
  health,
  type WriteRequest,
  WriteRequestSchema,
  type WriteResponse,
} from '@caskade/reapi/messages'
import type { Client, ClientWritableStream, ServiceError } from '@grpc/grpc-js'
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js'

type Method<Input extends DescMessage, Output extends DescMessage> = DescMethod & {
  readonly input: Input
  readonly output: Output
}

type UnaryCall<Called extends { input: DescMessage; output: DescMessage }> = (
  request: MessageInitShape<Called['input']>,
) => Promise<MessageShape<Called['output']>>

type StreamingCall<Called extends { input: DescMessage; output: DescMessage }> = (
  request: MessageInitShape<Called['input']>,
) => Promise<MessageShape<Called['output']>[]>

/** A message of `ByteStream.Write`, as far as a test cares to say. */
export type WriteMessage = MessageInitShape<typeof WriteRequestSchema>

/** A client of every service, over grpc-js and the generated messages. Calls reject with the error of grpc-js. */
export class ReapiClient implements Disposable {
  readonly client: Client

  readonly getCapabilities: UnaryCall<typeof Capabilities.method.getCapabilities> = this.#unary(
    Capabilities.method.getCapabilities,
  )
  readonly getActionResult: UnaryCall<typeof ActionCache.method.getActionResult> = this.#unary(
    ActionCache.method.getActionResult,
  )
  readonly updateActionResult: UnaryCall<typeof ActionCache.method.updateActionResult> = this.#unary(
    ActionCache.method.updateActionResult,
  )
  readonly findMissingBlobs: UnaryCall<typeof ContentAddressableStorage.method.findMissingBlobs> = this.#unary(
    ContentAddressableStorage.method.findMissingBlobs,
  )
  readonly batchUpdateBlobs: UnaryCall<typeof ContentAddressableStorage.method.batchUpdateBlobs> = this.#unary(
    ContentAddressableStorage.method.batchUpdateBlobs,
  )
  readonly batchReadBlobs: UnaryCall<typeof ContentAddressableStorage.method.batchReadBlobs> = this.#unary(
    ContentAddressableStorage.method.batchReadBlobs,
  )
  readonly splitBlob: UnaryCall<typeof ContentAddressableStorage.method.splitBlob> = this.#unary(
    ContentAddressableStorage.method.splitBlob,
  )
  readonly getTree: StreamingCall<typeof ContentAddressableStorage.method.getTree> = this.#serverStreaming(
    ContentAddressableStorage.method.getTree,
  )
  readonly readStream: StreamingCall<typeof ByteStream.method.read> = this.#serverStreaming(ByteStream.method.read)
  readonly queryWriteStatus: UnaryCall<typeof ByteStream.method.queryWriteStatus> = this.#unary(
    ByteStream.method.queryWriteStatus,
  )
  readonly checkHealth: UnaryCall<typeof health.Health.method.check> = this.#unary(health.Health.method.check)

  constructor(address: string) {
    const GenericClient = makeGenericClientConstructor({}, 'caskade')
    this.client = new GenericClient(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    })
  }

  /** Reads a resource whole. */
  async read(resourceName: string, readOffset = 0n, readLimit = 0n): Promise<Buffer> {
    const responses = await this.readStream({ resourceName, readOffset, readLimit })
    return Buffer.concat(responses.map(({ data }) => data))
  }

  /** Sends messages as they are, then half-closes. */
  async write(messages: readonly WriteMessage[]): Promise<WriteResponse> {
    const { stream, response } = this.openWrite()
    for (const message of messages) stream.write(create(WriteRequestSchema, message))
    stream.end()
    return response
  }

  /** Uploads content in messages of the given size, naming the resource in the first alone, as Bazel does. */
  async upload(resourceName: string, content: Uint8Array, messageBytes = 16_384): Promise<WriteResponse> {
    return this.write(uploadMessages(resourceName, content, messageBytes))
  }

  /** Begins an upload that the test sends, half-closes or cancels itself. */
  openWrite(): { stream: ClientWritableStream<WriteRequest>; response: Promise<WriteResponse> } {
    const { promise, resolve, reject } = Promise.withResolvers<WriteResponse>()
    const { write } = ByteStream.method
    const stream = this.client.makeClientStreamRequest<WriteRequest, WriteResponse>(
      pathOf(write),
      (message) => Buffer.from(toBinary(write.input, message)),
      (bytes) => fromBinary(write.output, bytes),
      (error, response) => (error ? reject(error) : resolve(response as WriteResponse)),
    )
    // The callback tells the same.
    stream.on('error', () => undefined)
    promise.catch(() => undefined)
    return { stream, response: promise }
  }

  /** Sends bytes as the one message of a unary call. */
  rawUnary(path: string, bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(path, same, same, bytes, (error, response) =>
        error ? reject(error) : resolve(response as Buffer),
      )
    })
  }

  [Symbol.dispose](): void {
    this.client.close()
  }

  #unary<Input extends DescMessage, Output extends DescMessage>(
    method: Method<Input, Output>,
  ): (request: MessageInitShape<Input>) => Promise<MessageShape<Output>> {
    return async (request) => {
      const bytes = Buffer.from(toBinary(method.input, create(method.input, request)))
      return fromBinary(method.output, await this.rawUnary(pathOf(method), bytes))
    }
  }

  #serverStreaming<Input extends DescMessage, Output extends DescMessage>(
    method: Method<Input, Output>,
  ): (request: MessageInitShape<Input>) => Promise<MessageShape<Output>[]> {
    return (request) =>
      new Promise((resolve, reject) => {
        const responses: MessageShape<Output>[] = []
        const call = this.client.makeServerStreamRequest<MessageShape<Input>, MessageShape<Output>>(
          pathOf(method),
          (message) => Buffer.from(toBinary(method.input, message)),
          (bytes) => fromBinary(method.output, bytes),
          create(method.input, request),
        )
        call.on('data', (response: MessageShape<Output>) => responses.push(response))
        call.on('error', (error: ServiceError) => reject(error))
        call.on('end', () => resolve(responses))
      })
  }
}

/** The messages of an upload, offsets and the final mark included. */
export function uploadMessages(resourceName: string, content: Uint8Array, messageBytes = 16_384): WriteMessage[] {
  const messages: WriteMessage[] = []
  for (let at = 0; at < content.byteLength || at === 0; at += messageBytes) {
    messages.push({
      resourceName: at === 0 ? resourceName : '',
      writeOffset: BigInt(at),
      data: content.subarray(at, at + messageBytes),
      finishWrite: at + messageBytes >= content.byteLength,
    })
  }
  return messages
}

function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`
}

function same(message: Buffer): Buffer {
  return message
}
