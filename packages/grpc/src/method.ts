import type { CallContext } from './call-context.ts'
import { StatusAnswer } from './call-status.ts'
import type { EncodedMessage } from './encoded-message.ts'
import { GrpcError } from './grpc-error.ts'
import type { ServerCall } from './server-call.ts'
import { StatusCode } from './status-code.ts'

/** How the messages of a method are read and written. */
export interface MethodCodec<Request, Response> {
  /** The full name, such as `/package.Service/Method`. */
  readonly path: string
  /** Reads a message. It may keep parts of `bytes`. What it throws ends the call with INVALID_ARGUMENT. */
  readonly decode: (bytes: Buffer) => Request
  /** Writes a message, in several parts where that saves a copy. */
  readonly encode: (response: Response) => EncodedMessage
}

/** How the messages of a method are read and written whose responses are in memory that is used again. */
export interface ResponsesCodec<Request, Response> extends MethodCodec<Request, Response> {
  /**
   * Called once the connection has taken a response and nobody needs its bytes any more, so that their memory may be used again;
   * not for one that does not leave. Default: nobody is.
   */
  readonly onTaken?: ((response: Response) => void) | undefined
}

/** One method of a service, ready to be served. */
export interface Method {
  readonly path: string
  /** Answers one call. What it throws becomes the status. */
  readonly serve: (call: ServerCall) => Promise<void>
}

/** A method with one request, and one response or a status. */
export function unaryMethod<Request, Response>(
  codec: ResponsesCodec<Request, Response>,
  handle: (request: Request, context: CallContext) => Promise<Response | StatusAnswer>,
): Method {
  return {
    path: codec.path,
    async serve(call) {
      const response = await handle(await receiveOne(call, codec), call)
      const { onTaken } = codec
      if (response instanceof StatusAnswer) call.finish(response)
      else await call.sendOnly(codec.encode(response), onTaken === undefined ? undefined : () => onTaken(response))
    },
  }
}

/** A method with one request and any number of responses. */
export function serverStreamingMethod<Request, Response>(
  codec: ResponsesCodec<Request, Response>,
  handle: (request: Request, context: CallContext) => AsyncIterable<Response>,
): Method {
  return {
    path: codec.path,
    async serve(call) {
      const request = await receiveOne(call, codec)
      const { onTaken } = codec
      for await (const response of handle(request, call)) {
        await call.send(codec.encode(response), onTaken === undefined ? undefined : () => onTaken(response))
      }
    },
  }
}

/** A method with any number of requests and one response, which may come before the last request. */
export function clientStreamingMethod<Request, Response>(
  codec: MethodCodec<Request, Response>,
  handle: (requests: AsyncIterable<Request>, context: CallContext) => Promise<Response>,
): Method {
  return {
    path: codec.path,
    async serve(call) {
      const response = await handle(receiveAll(call, codec), call)
      await call.sendOnly(codec.encode(response))
    },
  }
}

/** A method with any number of requests and of responses, in any order. */
export function bidiStreamingMethod<Request, Response>(
  codec: MethodCodec<Request, Response>,
  handle: (requests: AsyncIterable<Request>, context: CallContext) => AsyncIterable<Response>,
): Method {
  return {
    path: codec.path,
    async serve(call) {
      for await (const response of handle(receiveAll(call, codec), call)) await call.send(codec.encode(response))
    },
  }
}

async function receiveOne<Request>(call: ServerCall, codec: MethodCodec<Request, never>): Promise<Request> {
  return decode(codec, await call.receiveOnly())
}

async function* receiveAll<Request>(
  call: ServerCall,
  codec: MethodCodec<Request, never>,
): AsyncGenerator<Request, void, undefined> {
  for (let message = await call.receive(); message !== null; message = await call.receive())
    yield decode(codec, message)
}

function decode<Request>(codec: MethodCodec<Request, never>, message: Buffer): Request {
  try {
    return codec.decode(message)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new GrpcError(StatusCode.INVALID_ARGUMENT, `${codec.path}: malformed message: ${reason}`, { cause: error })
  }
}
