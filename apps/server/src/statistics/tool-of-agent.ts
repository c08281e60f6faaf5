/** What tools that share a protocol call themselves at the start of their User-Agent, and what they are called here. */
const AGENTS: readonly (readonly [start: string, tool: string])[] = [
  ['bazel', 'bazel'],
  ['moon', 'moon'],
  ['ccache', 'ccache'],
  ['buck2', 'buck2'],
  ['pants', 'pants'],
  ['recc', 'recc'],
  ['siso', 'siso'],
  ['reclient', 'reclient'],
  ['sccache', 'sccache'],
  ['opendal', 'sccache'],
  ['curl', 'curl'],
]

/** The name of tools that are none of these. */
export const OTHER_TOOL = 'other'

/** The tool that a request comes from, as far as what it calls itself tells; {@link OTHER_TOOL} when that does not. */
export function toolOfAgent(userAgent: string | undefined): string {
  const agent = userAgent?.toLowerCase() ?? ''
  return AGENTS.find(([start]) => agent.startsWith(start))?.[1] ?? OTHER_TOOL
}
