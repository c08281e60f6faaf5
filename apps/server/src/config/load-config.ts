import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { BackendConfig } from '@caskade/core'
import { parseDocument } from 'yaml'
import { buildBackend } from '../backends/build-backend.ts'
import { checkOptions, isObject } from './check-options.ts'
import { collectProblems, ConfigError } from './config-error.ts'
import { instanceNameProblem } from './instance-name.ts'
import { parseListenAddress } from './listen-address.ts'
import type { ServerConfig } from './server-config.ts'
import { serverSchema } from './server-config.ts'
import { countWorkers, parseWorkers } from './worker-count.ts'
import { yamlProblem } from './yaml-problem.ts'

/** A configuration, and the folder that its relative paths are relative to. */
export interface LoadedConfig {
  readonly config: ServerConfig
  readonly baseDirectory: string
  /** The file that it was read from, absolute; undefined if there is none. */
  readonly path?: string | undefined
}

/** How a configuration is read. */
export interface LoadConfigOptions {
  /** Whether the packages of its backends are loaded, and the options of these checked. Default: true. */
  readonly checksBackend?: boolean | undefined
}

type Options = Readonly<Record<string, unknown>>

/**
 * Reads a YAML configuration file and checks everything in it.
 *
 * @throws ConfigError that names the file, with every problem; or the line where the YAML itself is wrong.
 */
export async function loadConfig(
  path: string,
  { checksBackend = true }: LoadConfigOptions = {},
): Promise<LoadedConfig> {
  const baseDirectory = dirname(resolve(path))
  const options = await readOptions(path)
  const problems: string[] = []
  const texts = withTexts(options)
  const config = await collectProblems(problems, () => checkOptions(serverSchema, texts, ''))
  for (const address of ADDRESSES) {
    const text = texts[address]
    if (typeof text === 'string') await collectProblems(problems, () => parseListenAddress(text, address))
  }
  const workers = await collectProblems(problems, () => workersOf(texts['workers']))
  if (isObject(options['frontends'])) problems.push(...instanceProblems(options['frontends']))
  const { backend } = options
  // Only made: nothing of it is started, so nothing has to be stopped.
  if (checksBackend && isObject(backend))
    await collectProblems(problems, () => buildBackend(backend as BackendConfig, { baseDirectory, processes: workers }))
  if (problems.length > 0) throw new ConfigError(problems, path)
  const { workers: _, ...rest } = config as ServerConfig
  return { config: { ...rest, ...(workers !== undefined && { workers }) }, baseDirectory, path: resolve(path) }
}

async function readOptions(path: string): Promise<Options> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError([`cannot read it: ${error.code}`], path)
  })
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0) throw new ConfigError(document.errors.map(yamlProblem), path)
  const content: unknown = document.toJS() ?? {}
  if (isObject(content)) return content
  throw new ConfigError(['the file must hold options, such as "listen: 127.0.0.1:8980"'], path)
}

const ADDRESSES = ['listen', 'httpListen']

/** What may be written as a number, a port alone for one, is a text. What is wrong with it is the same. */
function withTexts(options: Options): Options {
  const isNumber = ([key, value]: [string, unknown]): boolean =>
    [...ADDRESSES, 'workers'].includes(key) && typeof value === 'number'
  const numbers = Object.entries(options).filter(isNumber)
  return { ...options, ...Object.fromEntries(numbers.map(([key, value]) => [key, String(value)])) }
}

function workersOf(text: unknown): number | undefined {
  return typeof text === 'string' ? countWorkers(parseWorkers(text, 'workers')) : undefined
}

/** Names of instances that nobody could use. An empty one stands for requests that name none. */
function instanceProblems(frontends: Options): string[] {
  return Object.entries(frontends).flatMap(([name, frontend]) => {
    if (!isObject(frontend) || typeof frontend['instance'] !== 'string' || frontend['instance'] === '') return []
    const problem = instanceNameProblem(frontend['instance'])
    return problem === undefined ? [] : [`frontends.${name}.instance: ${problem}`]
  })
}
