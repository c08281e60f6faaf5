import type { Backend, BackendConfig, OptionsSchema } from '@caskade/core'
import { StorageError } from '@caskade/core'
import { checkOptions, isObject } from '../config/check-options.ts'
import { collectProblems, ConfigError } from '../config/config-error.ts'
import type { AnyProvider } from './load-provider.ts'
import { loadProvider } from './load-provider.ts'

/** What all backends of a tree are made with. */
export interface BuildOptions {
  /** The folder that relative paths in the configuration are relative to. */
  readonly baseDirectory: string
  /** How many processes make these backends, each for itself. Default: 1. */
  readonly processes?: number | undefined
}

/** Where a configuration stands in the tree. */
interface Place {
  /** Such as `backend.cache`. */
  readonly path: string
  /** Whether it holds only copies of what is kept elsewhere. */
  readonly holdsCopies: boolean
}

/**
 * Makes the backend that a configuration describes, children included; none of it is started.
 *
 * @throws ConfigError when a provider is missing, or does not accept its options, or cannot be shared by the processes; the
 * problems, of the whole tree, say where.
 */
export async function buildBackend(config: BackendConfig, options: BuildOptions): Promise<Backend> {
  return buildAt(config, { path: 'backend', holdsCopies: false }, options)
}

async function buildAt(config: BackendConfig, place: Place, options: BuildOptions): Promise<Backend> {
  return createBackend(await checkBackend(config, place, options), options)
}

/** A backend whose configuration was checked, and which has yet to be made. */
interface CheckedBackend {
  readonly place: Place
  readonly provider: AnyProvider
  readonly options: unknown
  /** Those of its children, by their configurations among the options. */
  readonly children: ReadonlyMap<unknown, CheckedBackend>
}

async function checkBackend(config: BackendConfig, place: Place, building: BuildOptions): Promise<CheckedBackend> {
  const { type, ...given } = config
  const { path } = place
  if (typeof type !== 'string')
    throw new ConfigError([`${path}.type: it is missing; say which backend, such as sqlite`])
  const provider = await loadProvider(type, building.baseDirectory, path)
  const problems: string[] = []
  const options = await collectProblems(problems, () => checkOptions(provider.schema, given, path))
  if (options !== undefined) problems.push(...sharingProblems(provider, options, place, building))
  const children = new Map<unknown, CheckedBackend>()
  for (const [child, childPlace] of childrenOf(provider.schema, given, place)) {
    const checked = await collectProblems(problems, () => checkBackend(child, childPlace, building))
    if (checked !== undefined) children.set(child, checked)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { place, provider, options, children }
}

/** What keeps the processes from serving one store, if there are several. */
function sharingProblems(
  provider: AnyProvider,
  options: unknown,
  { path, holdsCopies }: Place,
  { processes = 1 }: BuildOptions,
): string[] {
  if (processes === 1 || holdsCopies) return []
  const problem =
    provider.sharingProblem === undefined
      ? 'its provider does not say that several processes can serve it'
      : provider.sharingProblem(options)
  return problem === undefined ? [] : [`${path}: cannot be shared by ${processes} workers: ${problem}; set workers: 1`]
}

async function createBackend(
  { place, provider, options, children }: CheckedBackend,
  building: BuildOptions,
): Promise<Backend> {
  try {
    return await provider.create(options, {
      ...building,
      build(child) {
        const checked = children.get(child)
        return checked === undefined ? buildAt(child, place, building) : createBackend(checked, building)
      },
    })
  } catch (error) {
    // What a schema cannot say, such as that a weight must name a shard.
    if (!StorageError.is(error, 'invalid-argument') && !StorageError.is(error, 'unsupported')) throw error
    throw new ConfigError([`${place.path}: ${error.message}`])
  }
}

/** The configurations of the children among options, each with where it stands. What is no configuration is left out. */
function childrenOf(
  { properties }: OptionsSchema,
  options: Readonly<Record<string, unknown>>,
  parent: Place,
): (readonly [child: BackendConfig, place: Place])[] {
  const named = Object.entries(properties).flatMap(([key, property]): (readonly [unknown, Place])[] => {
    const { format, holdsCopies = false } = property
    const value = options[key]
    const place = { path: `${parent.path}.${key}`, holdsCopies: parent.holdsCopies || holdsCopies }
    if (format === 'backend') return [[value, place]]
    if (format !== 'backends' || !isObject(value)) return []
    return Object.entries(value).map(([name, child]) => [child, { ...place, path: `${place.path}.${name}` }] as const)
  })
  return named.filter((each): each is readonly [BackendConfig, Place] => isObject(each[0]))
}
