import { Deadlines } from './deadlines.ts'
import { GrpcError } from './grpc-error.ts'
import { MessageBuffers } from './message-buffers.ts'
import { MessageTurns } from './message-turns.ts'
import type { Method } from './method.ts'
import type { HeaderFields } from './metadata.ts'
import { ReceiveBudget } from './receive-budget.ts'
import { RESPONSE_HEADERS, statusTrailers } from './response-headers.ts'
import { ServerCall } from './server-call.ts'
import type { ServerCallOptions } from './server-call-options.ts'
import { StatusCode } from './status-code.ts'
import type { TransportStream } from './transport-stream.ts'

/** How a {@link GrpcServer} behaves. */
export interface GrpcServerOptions {
  readonly methods: readonly Method[]
  /** Larger messages of clients are refused before they are received, in bytes. Default: 4 MiB. */
  readonly maxMessageBytes?: number | undefined
  /**
   * What the messages above 64 KiB that are being received or handled may come to in all, in bytes; further ones are
   * refused as UNAVAILABLE. Default: 128 MiB.
   */
  readonly maxReceivedBytes?: number | undefined
  /** Turns what a handler threw, and is no `GrpcError`, into one. Default: INTERNAL, without telling the client more. */
  readonly toGrpcError?: ((error: unknown) => GrpcError) | undefined
  /** Hears of every call that failed, with what the handler threw. Default: nobody does. */
  readonly onCallFailed?: ((path: string, error: GrpcError, cause: unknown) => void) | undefined
  /**
   * Hears of every call that has ended: its path, undefined if there is no such method; its status code; and what it took
   * from when its headers were there, in seconds. Default: nobody does.
   */
  readonly onCallEnded?: ((path: string | undefined, code: StatusCode, seconds: number) => void) | undefined
}

/** Answers calls, whatever transport they come through. */
export class GrpcServer {
  readonly #methods: ReadonlyMap<string, Method>
  readonly #callOptions: ServerCallOptions
  readonly #toGrpcError: (error: unknown) => GrpcError
  readonly #onCallFailed: (path: string, error: GrpcError, cause: unknown) => void
  readonly #onCallEnded: GrpcServerOptions['onCallEnded']

  constructor({
    methods,
    maxMessageBytes = 4 * 1024 * 1024,
    maxReceivedBytes = 128 * 1024 * 1024,
    toGrpcError = internalError,
    onCallFailed = () => undefined,
    onCallEnded,
  }: GrpcServerOptions) {
    this.#methods = new Map(methods.map((method) => [method.path, method]))
    this.#callOptions = {
      maxMessageBytes,
      budget: new ReceiveBudget(maxReceivedBytes),
      buffers: new MessageBuffers(),
      turns: new MessageTurns(),
      deadlines: new Deadlines(),
    }
    this.#toGrpcError = toGrpcError
    this.#onCallFailed = onCallFailed
    this.#onCallEnded = onCallEnded
  }

  /** Answers one request. Transports call it when the headers are there. */
  handle(stream: TransportStream): void {
    const refusal = refuseRequest(stream)
    if (refusal !== undefined) {
      stream.listen(deafListener)
      stream.end(refusal)
      return
    }
    const path = String(stream.headers[':path'])
    const call = new ServerCall(stream, path, this.#callOptions)
    void this.#serve(call, this.#methods.get(path))
  }

  async #serve(call: ServerCall, method: Method | undefined): Promise<void> {
    const startedAt = performance.now()
    try {
      call.startDeadline()
      if (method === undefined) throw new GrpcError(StatusCode.UNIMPLEMENTED, `${call.path} is not served here`)
      await method.serve(call)
      call.finish()
    } catch (error) {
      const grpcError = GrpcError.is(error) ? error : this.#toGrpcError(error)
      this.#onCallFailed(call.path, grpcError, error)
      call.finish(grpcError)
    } finally {
      call.release()
      this.#onCallEnded?.(method?.path, call.endedWith ?? StatusCode.UNKNOWN, (performance.now() - startedAt) / 1000)
    }
  }
}

function internalError(error: unknown): GrpcError {
  return new GrpcError(StatusCode.INTERNAL, 'internal error', { cause: error })
}

/** Says no to what is not gRPC (gRPC over HTTP/2, "Requests"). */
function refuseRequest({ headers }: TransportStream): HeaderFields | undefined {
  if (headers[':method'] !== 'POST') return { ':status': '405' }
  const contentType = headers['content-type']
  if (typeof contentType !== 'string' || !contentType.startsWith('application/grpc')) return { ':status': '415' }
  const encoding = headers['grpc-encoding']
  if (encoding === undefined || encoding === 'identity') return undefined
  const error = new GrpcError(StatusCode.UNIMPLEMENTED, `grpc-encoding ${String(encoding)} is not supported`)
  return { ...RESPONSE_HEADERS, ...statusTrailers(error), 'grpc-accept-encoding': 'identity' }
}

const deafListener = {
  // It takes no interest in the rest of the request, which must not last.
  waitingSinceMs: 0,
  onData: () => undefined,
  onEnd: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
}
