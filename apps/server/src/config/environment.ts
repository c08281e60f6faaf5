import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder for data when nobody names one: where the platform keeps what can be made again. */
export function defaultDataDirectory(): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'caskade')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'caskade')
  return join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'caskade')
}

/** Where ccache keeps the configuration of its user (ccache manual, "Configuration file locations"). */
export function ccacheConfigPath(): string {
  const { CCACHE_CONFIGPATH, CCACHE_DIR, XDG_CONFIG_HOME } = process.env
  if (CCACHE_CONFIGPATH !== undefined) return CCACHE_CONFIGPATH
  if (CCACHE_DIR !== undefined) return join(CCACHE_DIR, 'ccache.conf')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Preferences', 'ccache', 'ccache.conf')
  return join(XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'ccache', 'ccache.conf')
}

/** Where sccache keeps the configuration of its user (sccache documentation, "Configuration"). */
export function sccacheConfigPath(): string {
  const { SCCACHE_CONF, XDG_CONFIG_HOME, APPDATA } = process.env
  if (SCCACHE_CONF !== undefined) return SCCACHE_CONF
  if (process.platform === 'darwin')
    return join(homedir(), 'Library', 'Application Support', 'Mozilla.sccache', 'config')
  if (process.platform === 'win32') return join(APPDATA ?? homedir(), 'Mozilla', 'sccache', 'config', 'config')
  return join(XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'sccache', 'config')
}
