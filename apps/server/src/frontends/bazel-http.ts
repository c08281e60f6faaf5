import { toolOfAgent } from '../statistics/tool-of-agent.ts'
import { blobAnswers } from './bazel-blobs.ts'
import { entryAnswers, resultAnswers } from './bazel-entries.ts'
import { bazelOperation } from './bazel-request.ts'
import type { FrontendContext, FrontendOptions, HttpFrontend } from './http-frontend.ts'
import type { PathPattern } from './match-path.ts'
import { matchPath } from './match-path.ts'

const PATH: PathPattern = { pattern: /^\/(?:(.*)\/)?(ac|cas)\/([^/]*)$/s }

/** How the frontend for Bazel's HTTP cache behaves. */
export interface BazelHttpOptions extends FrontendOptions {
  /**
   * The instances in which entries of `ac` must be action results, and are those of gRPC: found only while all blobs that
   * they name are there. `*` stands for all. Default: none.
   */
  readonly validatedInstances?: readonly string[] | undefined
}

/**
 * The Bazel HTTP cache: `/[instance/]cas/{hash}` holds blobs, `/[instance/]ac/{hash}` holds what a client stored there,
 * with any prefix as the instance name.
 *
 * Blobs are verified and shared with every other protocol. Entries of `ac` are kept as they are, whatever they are (ccache
 * stores its own format there), except in instances that are configured to hold action results alone.
 */
export function bazelHttpFrontend(context: FrontendContext, options: BazelHttpOptions = {}): HttpFrontend {
  const validated = new Set(options.validatedInstances)
  return {
    name: 'bazel',
    route(exchange) {
      const match = matchPath(exchange.path, PATH, options)
      if (match === undefined) return undefined
      const { instanceName, parts } = match
      const [kind, hash = ''] = parts
      // Several tools speak this protocol.
      const tool = context.statistics.of(toolOfAgent(exchange.headers['user-agent']))
      const isValidated = validated.has('*') || validated.has(instanceName)
      const acAnswers = isValidated ? resultAnswers : entryAnswers
      const answers = kind === 'cas' ? blobAnswers : acAnswers
      return bazelOperation({ exchange, instanceName, hash, context, tool }, answers)
    },
  }
}
