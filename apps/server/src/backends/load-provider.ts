import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Provider } from '@caskade/core'
import { shardedProvider, sizePartitionedProvider, withCacheProvider } from '@caskade/core'
import { nearestOf } from '../config/nearest.ts'
import { ConfigError } from '../config/config-error.ts'

/** A provider whose options have been checked against its schema, whatever they are. */
export type AnyProvider = Provider<unknown>

/** The composites, which come with core, by their types. */
const CORE_PROVIDERS: ReadonlyMap<string, AnyProvider> = new Map(
  [withCacheProvider, shardedProvider, sizePartitionedProvider].map((provider) => [provider.type, provider]),
)

/** The backends that come with the server; each is loaded only when it is configured. */
const OWN_PROVIDERS: Readonly<Record<string, () => Promise<unknown>>> = {
  '@caskade/memory': () => import('@caskade/memory'),
  '@caskade/sqlite': () => import('@caskade/sqlite'),
}

/** What a misspelt type may mean. */
const KNOWN_TYPES = [...CORE_PROVIDERS.keys(), 'memory', 'sqlite', 'fs', 'gcs']

/**
 * Finds the provider of a backend type. A bare type means a composite of core, else the package `@caskade/<type>`;
 * anything with `@` or `/` is the name of a package. Packages are looked for from the configuration's folder first, then
 * among the server's own dependencies.
 *
 * @throws ConfigError when the package is not installed, cannot be loaded, or is not a provider.
 */
export async function loadProvider(type: string, baseDirectory: string, path: string): Promise<AnyProvider> {
  const composite = CORE_PROVIDERS.get(type)
  if (composite !== undefined) return composite
  if (!/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(\/[A-Za-z0-9._~-]+)*$/.test(type)) {
    throw new ConfigError([`${path}.type: ${JSON.stringify(type)} is not the name of a backend or a package`])
  }
  const packageName = /[@/]/.test(type) ? type : `@caskade/${type}`
  const module = await importPackage(packageName, baseDirectory, path)
  if (isProviderModule(module)) return module.provider
  throw new ConfigError([`${path}.type: package ${packageName} does not export a provider`])
}

async function importPackage(packageName: string, baseDirectory: string, path: string): Promise<unknown> {
  const own = OWN_PROVIDERS[packageName]
  const location =
    resolveFrom(baseDirectory, packageName) ?? (own ? undefined : resolveFrom(import.meta.dirname, packageName))
  if (location === undefined && own === undefined) {
    const bareType = packageName.replace(/^@caskade\//, '')
    const nearest = nearestOf(bareType, KNOWN_TYPES)
    const hint = nearest === undefined || nearest === bareType ? '' : `, or did you mean ${nearest}?`
    const problem = `package ${packageName} is not installed; install it with: npm install ${packageName}${hint}`
    throw new ConfigError([`${path}.type: ${problem}`])
  }
  try {
    return location === undefined ? await own?.() : await import(pathToFileURL(location).href)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigError([`${path}.type: package ${packageName} cannot be loaded: ${reason}`])
  }
}

function resolveFrom(directory: string, packageName: string): string | undefined {
  try {
    return createRequire(join(directory, 'caskade.yaml')).resolve(packageName)
  } catch {
    return undefined
  }
}

function isProviderModule(module: unknown): module is { provider: AnyProvider } {
  if (typeof module !== 'object' || module === null || !('provider' in module)) return false
  const { provider } = module
  return typeof provider === 'object' && provider !== null && 'create' in provider && 'schema' in provider
}
