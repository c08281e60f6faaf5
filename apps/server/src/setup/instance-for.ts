import { ConfigError } from '../config/config-error.ts'
import type { FrontendConfigs } from '../config/server-config.ts'
import type { SetupTool } from './setup-tool.ts'

/** Whether a server speaks to a tool. */
export function isServed({ frontend }: Pick<SetupTool, 'frontend'>, frontends: FrontendConfigs = {}): boolean {
  return frontends[frontend]?.enabled !== false
}

/**
 * The instance that a tool has to name to a server: the one that is wanted, else the one that is served alone. That one is named
 * even where a request without one would be about it: so its keys stay the same when others are served as well.
 *
 * @throws ConfigError when the tool, or the instance that is wanted, is not served.
 */
export function instanceFor(
  tool: Pick<SetupTool, 'title' | 'frontend'>,
  wanted: string,
  frontends: FrontendConfigs = {},
): string {
  const { title, frontend } = tool
  if (!isServed(tool, frontends)) {
    throw new ConfigError([`${title} is not served: frontends.${frontend}.enabled of the server is false`])
  }
  const { instance = wanted } = frontends[frontend] ?? {}
  if (wanted === '' || wanted === instance) return instance
  throw new ConfigError([
    `${title} is not served to the instance ${wanted}: frontends.${frontend}.instance of the server is ${JSON.stringify(instance)}`,
  ])
}

/** Where an instance is served over HTTP: what a frontend's own path follows. */
export function httpAddress(host: string, instanceName: string): string {
  return instanceName === '' ? `http://${host}` : `http://${host}/${instanceName}`
}
