import type { Backend, BackendConfig } from '@caskade/core'
import { checkOptions } from '../config/check-options.ts'
import { ConfigError } from '../config/config-error.ts'
import { loadProvider } from './load-provider.ts'

/**
 * Makes the backend that a configuration describes, children included; none of it is started.
 *
 * @param path Where the configuration stands, such as `backend.cache`.
 * @throws ConfigError when a provider is missing, or does not accept its options.
 */
export async function buildBackend(config: BackendConfig, baseDirectory: string, path = 'backend'): Promise<Backend> {
  const { type, ...options } = config
  if (typeof type !== 'string')
    throw new ConfigError([`${path}.type: it is missing; say which backend, such as sqlite`])
  const provider = await loadProvider(type, baseDirectory, path)
  const checked = checkOptions(provider.schema, options, path)
  const children = new Map(
    Object.entries(provider.schema.properties)
      .filter(([, { format }]) => format === 'backend')
      .map(([key]) => [options[key], `${path}.${key}`]),
  )
  return provider.create(checked, {
    baseDirectory,
    build: (child) => buildBackend(child, baseDirectory, children.get(child) ?? path),
  })
}
