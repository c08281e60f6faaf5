import { createHash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import { RequestMetadataSchema } from '@caskade/reapi/messages'

/**
 * The headers that Bazel sends with call number `index`: the metadata names the action and so differs from action to action,
 * and what is left until the deadline differs from call to call.
 */
export function bazelHeaders(index: number): string[] {
  const metadata = create(RequestMetadataSchema, {
    toolDetails: { toolName: 'bazel', toolVersion: '4.2.3' },
    actionId: createHash('sha256').update(String(index)).digest('hex'),
    toolInvocationId: '5f1c7f7c-1d9a-4d7e-a0a5-5e1f1dfd0c5a',
    correlatedInvocationsId: '2f4a3c0e-5e0b-4f4d-8c51-6a1e0d3b7c11',
  })
  return [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['user-agent', 'grpc-java-netty/1.32.1'],
    [
      'build.bazel.remote.execution.v2.requestmetadata-bin',
      Buffer.from(toBinary(RequestMetadataSchema, metadata)).toString('base64').replaceAll('=', ''),
    ],
    ['grpc-accept-encoding', 'gzip'],
    ['grpc-timeout', `${59_990_000 + ((index * 7919) % 9999)}u`],
  ].flat()
}
