import { create, toBinary } from '@bufbuild/protobuf'
import { Metadata } from '@caskade/grpc'
import { expect, test } from 'vitest'
import { RequestMetadataSchema } from './messages.ts'
import { requestTool } from './request-tool.ts'

const HEADER = 'build.bazel.remote.execution.v2.requestmetadata-bin'

test.each([
  ['bazel', '4.2.3'],
  ['', '1'],
  ['a tool with a name that is much too long for the short way', ''],
])('the tool %j says its name', (toolName, toolVersion) => {
  const message = create(RequestMetadataSchema, {
    toolDetails: { toolName, toolVersion },
    actionId: 'a'.repeat(64),
    toolInvocationId: 'id',
  })

  const metadata = Metadata.of({ [HEADER]: toBinary(RequestMetadataSchema, message) })

  expect(requestTool(metadata)).toBe(toolName)
})

test('without a name, or with nonsense for metadata, there is none', () => {
  const nameless = toBinary(RequestMetadataSchema, create(RequestMetadataSchema, { actionId: 'x' }))

  expect(requestTool(new Metadata())).toBe(undefined)
  expect(requestTool(Metadata.of({ [HEADER]: nameless }))).toBe(undefined)
  expect(requestTool(Metadata.of({ [HEADER]: Buffer.from([0x0a, 200, 0x0a, 100, 1]) }))).toBe(undefined)
  expect(requestTool(new Metadata({ [HEADER]: '!!!' }))).toBe(undefined)
})
