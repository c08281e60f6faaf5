export type { CallContext } from './call-context.ts'
export { type CallStatus, StatusAnswer } from './call-status.ts'
export type { EncodedMessage } from './encoded-message.ts'
export { GrpcError, type GrpcErrorOptions } from './grpc-error.ts'
export { GrpcServer, type GrpcServerOptions } from './grpc-server.ts'
export { Http2GrpcServer, type Http2ServerOptions, type ListenOptions } from './http2-server.ts'
export { type HeaderFields, Metadata } from './metadata.ts'
export {
  bidiStreamingMethod,
  clientStreamingMethod,
  type Method,
  type MethodCodec,
  type ResponsesCodec,
  serverStreamingMethod,
  unaryMethod,
} from './method.ts'
export type { ServerCall } from './server-call.ts'
export { StatusCode, statusCodeName } from './status-code.ts'
export type { StreamListener, TransportStream } from './transport-stream.ts'
