import type { Backend, BackendConfig, OptionsSchema } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { checkOptions, isObject } from '../config/check-options.ts'
import { collectProblems, ConfigError } from '../config/config-error.ts'
import type { AnyProvider } from './load-provider.ts'
import { loadProvider } from './load-provider.ts'

/**
 * Makes the backend that a configuration describes, children included; none of it is started.
 *
 * @param path Where the configuration stands, such as `backend.cache`.
 * @throws ConfigError when a provider is missing, or does not accept its options; the problems, of the whole tree, say where.
 */
export async function buildBackend(config: BackendConfig, baseDirectory: string, path = 'backend'): Promise<Backend> {
  return createBackend(await checkBackend(config, baseDirectory, path), baseDirectory)
}

/** A backend whose configuration was checked, and which has yet to be made. */
interface CheckedBackend {
  readonly path: string
  readonly provider: AnyProvider
  readonly options: unknown
  /** Those of its children, by their configurations among the options. */
  readonly children: ReadonlyMap<unknown, CheckedBackend>
}

async function checkBackend(config: BackendConfig, baseDirectory: string, path: string): Promise<CheckedBackend> {
  const { type, ...given } = config
  if (typeof type !== 'string')
    throw new ConfigError([`${path}.type: it is missing; say which backend, such as sqlite`])
  const provider = await loadProvider(type, baseDirectory, path)
  const problems: string[] = []
  const options = await collectProblems(problems, () => checkOptions(provider.schema, given, path))
  const children = new Map<unknown, CheckedBackend>()
  for (const [child, childPath] of childrenOf(provider.schema, given, path)) {
    const checked = await collectProblems(problems, () => checkBackend(child, baseDirectory, childPath))
    if (checked !== undefined) children.set(child, checked)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { path, provider, options, children }
}

async function createBackend(
  { path, provider, options, children }: CheckedBackend,
  baseDirectory: string,
): Promise<Backend> {
  try {
    return await provider.create(options, {
      baseDirectory,
      build(child) {
        const checked = children.get(child)
        return checked === undefined ? buildBackend(child, baseDirectory, path) : createBackend(checked, baseDirectory)
      },
    })
  } catch (error) {
    // What a schema cannot say, such as that a weight must name a shard.
    if (!StorageError.is(error, 'invalid-argument') && !StorageError.is(error, 'unsupported')) throw error
    throw new ConfigError([`${path}: ${error.message}`])
  }
}

/** The configurations of the children among options, each with where it stands. What is no configuration is left out. */
function childrenOf(
  { properties }: OptionsSchema,
  options: Readonly<Record<string, unknown>>,
  path: string,
): (readonly [child: BackendConfig, path: string])[] {
  const named = Object.entries(properties).flatMap(([key, { format }]): (readonly [unknown, string])[] => {
    const value = options[key]
    if (format === 'backend') return [[value, `${path}.${key}`]]
    if (format !== 'backends' || !isObject(value)) return []
    return Object.entries(value).map(([name, child]) => [child, `${path}.${key}.${name}`] as const)
  })
  return named.filter((each): each is readonly [BackendConfig, string] => isObject(each[0]))
}
