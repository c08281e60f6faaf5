// The generated messages, for programs that speak the protocol themselves.
export * from './gen/build/bazel/remote/execution/v2/remote_execution_pb.ts'
export * from './gen/build/bazel/semver/semver_pb.ts'
export * from './gen/google/bytestream/bytestream_pb.ts'
export * as rpc from './gen/google/rpc/status_pb.ts'
export * as health from './gen/grpc/health/v1/health_pb.ts'
