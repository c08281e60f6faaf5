import { fromBinary } from '@bufbuild/protobuf'
import type { Metadata } from '@caskade/grpc'
import { RequestMetadataSchema } from './messages.ts'

/** Remote Execution API, `RequestMetadata`: the name of the header that carries it. */
const HEADER = 'build.bazel.remote.execution.v2.requestmetadata-bin'

/** The tags of `tool_details` in a `RequestMetadata`, and of `tool_name` in a `ToolDetails`: both are field 1. */
const FIELD_1 = 0x0a

/** As many characters of the header as hold the longest name that is read the short way, and what comes before it. */
const START_CHARACTERS = 24

/** So many starts of headers are remembered: there are few tools, of few versions each. */
const MAX_STARTS = 256

const toolsByStart = new Map<string, string>()

/**
 * What the tool of a call calls itself in the request metadata that goes with it, such as `bazel`; undefined when it does not
 * say, or the metadata makes no sense.
 */
export function requestTool(metadata: Metadata): string | undefined {
  const header = metadata.get(HEADER)
  if (header === undefined) return undefined
  // Clients write fields in order, so mostly the name stands at the start: there is no need to decode all of it for each call.
  const start = header.slice(0, START_CHARACTERS)
  const known = toolsByStart.get(start)
  if (known !== undefined) return known
  const tool = toolAtStart(Buffer.from(start, 'base64'))
  if (tool !== undefined) {
    if (toolsByStart.size >= MAX_STARTS) toolsByStart.clear()
    toolsByStart.set(start, tool)
    return tool
  }
  try {
    return fromBinary(RequestMetadataSchema, Buffer.from(header, 'base64')).toolDetails?.toolName
  } catch {
    return undefined
  }
}

/** Undefined when it is not there, or not all of it. */
function toolAtStart(start: Buffer): string | undefined {
  const [details, , name, length = 0] = start
  const isWhole = details === FIELD_1 && name === FIELD_1 && length < start.byteLength - 4
  return isWhole ? start.toString('utf8', 4, 4 + length) : undefined
}
