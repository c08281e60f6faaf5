import { formatAddress } from './config/listen-address.ts'
import type { LoadedConfig } from './config/load-config.ts'
import type { FrontendConfigs } from './config/server-config.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from './config/server-config.ts'
import type { RunningServer } from './server.ts'
import { httpAddress, instanceFor, isServed } from './setup/instance-for.ts'
import { setupTools } from './setup/setup-tools.ts'
import { version } from './version.ts'

/** How the server that is ready was started. */
export interface StartupMessageOptions extends Pick<LoadedConfig, 'config' | 'path'> {
  /** How this program is called. */
  readonly command: string
}

/** What the server says when it is ready: what it serves, where the data is, and the lines to paste. */
export function startupMessage(
  {
    grpcAddress,
    httpAddress: address,
    dataDirectory,
  }: Pick<RunningServer, 'grpcAddress' | 'httpAddress' | 'dataDirectory'>,
  { config: { frontends = {} }, path, command }: StartupMessageOptions,
): string {
  const grpc = formatAddress(grpcAddress)
  const http = formatAddress(address)
  const isDefault = grpc === DEFAULT_LISTEN && http === DEFAULT_HTTP_LISTEN
  const file = path === undefined ? '' : ` --config ${JSON.stringify(path)}`
  const flags = isDefault ? file : `${file} --listen ${grpc} --http-listen ${http}`
  return `Caskade ${version} is ready.

  gRPC   grpc://${grpc}    ${servedOverGrpc(frontends)}
  HTTP   http://${http}    ${servedOverHttp(frontends)}
  data   ${dataDirectory}

${firstLines(grpc, http, frontends)}
This says the same for all build tools of the project in the folder DIR, Gradle and Maven included; with --write, it does it:

  ${command} setup --project DIR${flags}

What each tool has found so far:    http://${http}/status

Stop it with Ctrl-C.
`
}

function servedOverGrpc(frontends: FrontendConfigs): string {
  if (!isServed({ frontend: 'reapi' }, frontends)) return 'health alone'
  return 'Remote Execution API v2: Bazel, moon, and others'
}

function servedOverHttp(frontends: FrontendConfigs): string {
  const tools = [
    ...setupTools.filter(({ frontend }) => frontend !== 'reapi'),
    { frontend: 'bazel', title: 'Bazel' } as const,
    { frontend: 'moon', title: 'moon' } as const,
  ].filter((tool) => isServed(tool, frontends))
  return tools.length === 0 ? 'health and status alone' : tools.map(({ title }) => title).join(', ')
}

/** One for each tool that is served and for which one is enough. */
function firstLines(grpc: string, http: string, frontends: FrontendConfigs): string {
  const lines = setupTools.flatMap((tool) => {
    if (tool.firstLine === undefined || !isServed(tool, frontends)) return []
    const instanceName = instanceFor(tool, '', frontends)
    const { where, line } = tool.firstLine({ grpc, http: httpAddress(http, instanceName), instanceName })
    return [`${`${tool.title}, ${where}:`.padEnd(36)}${line}\n`]
  })
  return lines.join('')
}
