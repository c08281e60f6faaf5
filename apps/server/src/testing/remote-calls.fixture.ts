import { once } from 'node:events'
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from '@bufbuild/protobuf'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { OperationOptions } from '@caskade/core'
import type { Client, ClientWritableStream } from '@grpc/grpc-js'
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js'
import { toStorageError } from './remote-errors.fixture.ts'

/** A generated method. */
export type RemoteMethod<Input extends DescMessage, Output extends DescMessage> = DescMethod & {
  readonly input: Input
  readonly output: Output
}

/** The responses of a call that is under way. Cancelling it ends the iteration with a failure. */
export interface ResponseStream<Response> extends AsyncIterable<Response> {
  cancel(): void
}

/**
 * How calls reach a server: all that a {@link RemoteStorage} needs of a gRPC library. Calls reject with a StorageError,
 * or with the reason of the signal they were given.
 */
export interface RemoteCalls extends Disposable {
  unary<Input extends DescMessage, Output extends DescMessage>(
    method: RemoteMethod<Input, Output>,
    request: MessageInitShape<Input>,
    options?: OperationOptions,
  ): Promise<MessageShape<Output>>

  /** Begins at once; takes responses from the server only as fast as they are iterated, a few messages aside. */
  serverStream<Input extends DescMessage, Output extends DescMessage>(
    method: RemoteMethod<Input, Output>,
    request: MessageInitShape<Input>,
  ): ResponseStream<MessageShape<Output>>

  /**
   * Sends requests as fast as the server takes them. When it answers before the last one, the signal that the requests
   * are made with is aborted and the answer counts; when making them fails, the call is cancelled and the failure counts.
   */
  clientStream<Input extends DescMessage, Output extends DescMessage>(
    method: RemoteMethod<Input, Output>,
    requests: (signal: AbortSignal) => AsyncIterable<MessageInitShape<Input>>,
    options?: OperationOptions,
  ): Promise<MessageShape<Output>>
}

interface Cancellable {
  cancel(): void
}

/** Calls over one grpc-js channel. */
export class GrpcJsCalls implements RemoteCalls {
  readonly #client: Client

  constructor(address: string) {
    const GenericClient = makeGenericClientConstructor({}, 'caskade')
    this.#client = new GenericClient(address, credentials.createInsecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Channels are shared by address otherwise, and a closed server's next one would wait for its back-off.
      'grpc.use_local_subchannel_pool': 1,
    })
  }

  unary<Input extends DescMessage, Output extends DescMessage>(
    method: RemoteMethod<Input, Output>,
    request: MessageInitShape<Input>,
    { signal }: OperationOptions = {},
  ): Promise<MessageShape<Output>> {
    const { path, encode, decode } = codecOf(method)
    const { promise, resolve, reject } = Promise.withResolvers<MessageShape<Output>>()
    const call = this.#client.makeUnaryRequest(path, encode, decode, request, (error, response) => {
      if (error) reject(toStorageError(error))
      else resolve(response as MessageShape<Output>)
    })
    return cancelOnAbort(call, promise, signal)
  }

  serverStream<Input extends DescMessage, Output extends DescMessage>(
    method: RemoteMethod<Input, Output>,
    request: MessageInitShape<Input>,
  ): ResponseStream<MessageShape<Output>> {
    const { path, encode, decode } = codecOf(method)
    const call = this.#client.makeServerStreamRequest(path, encode, decode, request)
    // Whoever iterates hears of it; whoever has stopped does not want to.
    call.on('error', () => undefined)
    return { cancel: () => call.cancel(), [Symbol.asyncIterator]: () => withStorageErrors(call) }
  }

  async clientStream<Input extends DescMessage, Output extends DescMessage>(
    method: RemoteMethod<Input, Output>,
    requests: (signal: AbortSignal) => AsyncIterable<MessageInitShape<Input>>,
    { signal }: OperationOptions = {},
  ): Promise<MessageShape<Output>> {
    const { path, encode, decode } = codecOf(method)
    const { promise, resolve, reject } = Promise.withResolvers<MessageShape<Output>>()
    const answered = new AbortController()
    const call = this.#client.makeClientStreamRequest(path, encode, decode, (error, response) => {
      if (error) reject(toStorageError(error))
      else resolve(response as MessageShape<Output>)
      answered.abort()
    })
    // The callback tells the same; and when sending fails, nobody waits for the answer.
    call.on('error', () => undefined)
    promise.catch(() => undefined)
    const stopSending = signal === undefined ? answered.signal : AbortSignal.any([answered.signal, signal])
    try {
      await send(call, requests(stopSending), stopSending)
    } catch (error) {
      call.cancel()
      if (!answered.signal.aborted) throw error
    }
    return cancelOnAbort(call, promise, signal)
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

/** Waits for the outcome of a call, which the signal cancels. */
export async function cancelOnAbort<Result>(
  call: Cancellable,
  outcome: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const cancel = (): void => call.cancel()
  signal?.addEventListener('abort', cancel, { once: true })
  if (signal?.aborted === true) cancel()
  try {
    return await outcome
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

async function send<Request>(
  call: ClientWritableStream<Request>,
  requests: AsyncIterable<Request>,
  signal: AbortSignal,
): Promise<void> {
  for await (const request of requests) {
    signal.throwIfAborted()
    if (call.write(request)) continue
    await once(call, 'drain', { signal }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw error
    })
  }
  call.end()
}

async function* withStorageErrors<Response>(
  responses: AsyncIterable<Response>,
): AsyncGenerator<Response, void, undefined> {
  try {
    yield* responses
  } catch (error) {
    throw toStorageError(error)
  }
}

function codecOf<Input extends DescMessage, Output extends DescMessage>(
  method: RemoteMethod<Input, Output>,
): {
  path: string
  encode: (request: MessageInitShape<Input>) => Buffer
  decode: (bytes: Buffer) => MessageShape<Output>
} {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    encode: (request) => Buffer.from(toBinary(method.input, create(method.input, request))),
    decode: (bytes) => fromBinary(method.output, bytes),
  }
}
