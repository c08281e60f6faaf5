import type { Backend, BackendConfig, OptionsSchema } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { checkOptions } from '../config/check-options.ts'
import { ConfigError } from '../config/config-error.ts'
import { loadProvider } from './load-provider.ts'

/**
 * Makes the backend that a configuration describes, children included; none of it is started.
 *
 * @param path Where the configuration stands, such as `backend.cache`.
 * @throws ConfigError when a provider is missing, or does not accept its options; the problems say where.
 */
export async function buildBackend(config: BackendConfig, baseDirectory: string, path = 'backend'): Promise<Backend> {
  const { type, ...options } = config
  if (typeof type !== 'string')
    throw new ConfigError([`${path}.type: it is missing; say which backend, such as sqlite`])
  const provider = await loadProvider(type, baseDirectory, path)
  const checked = checkOptions(provider.schema, options, path)
  const children = new Map(childrenOf(provider.schema, options, path))
  try {
    return await provider.create(checked, {
      baseDirectory,
      build: (child) => buildBackend(child, baseDirectory, children.get(child) ?? path),
    })
  } catch (error) {
    // What a schema cannot say, such as that a weight must name a shard.
    if (!StorageError.is(error, 'invalid-argument') && !StorageError.is(error, 'unsupported')) throw error
    throw new ConfigError([`${path}: ${error.message}`])
  }
}

/** The configurations of the children among options that were checked, each with where it stands. */
function childrenOf(
  { properties }: OptionsSchema,
  options: Readonly<Record<string, unknown>>,
  path: string,
): (readonly [child: unknown, path: string])[] {
  return Object.entries(properties).flatMap(([key, { format }]) => {
    const value = options[key]
    if (format === 'backend') return [[value, `${path}.${key}`]]
    if (format !== 'backends') return []
    return Object.entries(value ?? {}).map(([name, child]): [unknown, string] => [child, `${path}.${key}.${name}`])
  })
}
