import type { CallContext } from '@caskade/grpc'
import type { ReapiUse } from '@caskade/reapi'
import { requestTool } from '@caskade/reapi'
import type { Statistics } from './statistics.ts'
import { OTHER_TOOL, toolOfAgent } from './tool-of-agent.ts'

/** Counts what calls of the Remote Execution API come to, for the tools that make them. */
export function countReapiUse(statistics: Statistics): (use: ReapiUse, call: CallContext) => void {
  return (use, call) => {
    const tool = statistics.of(toolOf(call))
    if (use.kind === 'lookup') tool.noteLookup(use.isHit)
    if (use.kind === 'read') tool.noteSent(use.bytes, use.blobs)
    if (use.kind === 'write') tool.noteOffered(use.bytes, use.isKnown, use.blobs)
    // What the client learns to be there it need not upload.
    if (use.kind === 'query') tool.noteOffered(use.presentBytes, true, use.presentBlobs)
  }
}

/** Bazel has its library speak for it in the User-Agent, and names itself in the metadata of requests. */
function toolOf({ metadata }: CallContext): string {
  const tool = toolOfAgent(metadata.get('user-agent'))
  return tool === OTHER_TOOL ? toolOfAgent(requestTool(metadata)) : tool
}
