import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder for data when nobody names one: where the platform keeps what can be made again. */
export function defaultDataDirectory(): string {
  if (process.platform === 'win32') return join(localAppData(), 'caskade')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'caskade')
  return join(variable('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'caskade')
}

/** Where ccache keeps the configuration of its user (ccache manual, "Configuration file locations"). */
export function ccacheConfigPath(): string {
  const [path, cacheDirectory] = [variable('CCACHE_CONFIGPATH'), variable('CCACHE_DIR')]
  if (path !== undefined) return path
  if (cacheDirectory !== undefined) return join(cacheDirectory, 'ccache.conf')
  const legacy = join(homedir(), '.ccache')
  if (existsSync(legacy)) return join(legacy, 'ccache.conf')
  if (process.platform === 'win32') return windowsCcacheConfigPath()
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Preferences', 'ccache', 'ccache.conf')
  return join(configHome(), 'ccache', 'ccache.conf')
}

/** Where sccache keeps the configuration of its user (sccache documentation, "Configuration"). */
export function sccacheConfigPath(): string {
  const path = variable('SCCACHE_CONF')
  if (path !== undefined) return path
  if (process.platform === 'darwin')
    return join(homedir(), 'Library', 'Application Support', 'Mozilla.sccache', 'config')
  if (process.platform === 'win32') return join(roamingAppData(), 'Mozilla', 'sccache', 'config', 'config')
  return join(configHome(), 'sccache', 'config')
}

function windowsCcacheConfigPath(): string {
  const local = join(localAppData(), 'ccache', 'ccache.conf')
  return existsSync(local) ? local : join(roamingAppData(), 'ccache', 'ccache.conf')
}

function localAppData(): string {
  return variable('LOCALAPPDATA') ?? join(homedir(), 'AppData', 'Local')
}

function roamingAppData(): string {
  return variable('APPDATA') ?? join(homedir(), 'AppData', 'Roaming')
}

function configHome(): string {
  return variable('XDG_CONFIG_HOME') ?? join(homedir(), '.config')
}

/** How this program was called, so that it can say how to call it again. */
export function commandName(): string {
  // By a script of the repository, where nothing of that name is on the path.
  if (variable('npm_package_name') === 'caskade-monorepo') return 'npx --yes pnpm@12 caskade'
  return variable('npm_command') === 'exec' ? 'npx caskade' : 'caskade'
}

/** An empty variable says as little as none. */
function variable(name: string): string | undefined {
  const value = process.env[name]
  return value === '' ? undefined : value
}
