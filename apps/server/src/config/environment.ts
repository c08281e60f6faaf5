import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folder for data when nobody names one: where the platform keeps what can be made again. */
export function defaultDataDirectory(): string {
  const { LOCALAPPDATA, XDG_CACHE_HOME } = process.env
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'caskade')
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'caskade')
  return join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'caskade')
}
