import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { checkOptions } from './check-options.ts'
import { ConfigError } from './config-error.ts'
import type { ServerConfig } from './server-config.ts'
import { serverSchema } from './server-config.ts'

/** A configuration, and the folder that its relative paths are relative to. */
export interface LoadedConfig {
  readonly config: ServerConfig
  readonly baseDirectory: string
}

/**
 * Reads a YAML configuration file and checks everything in it but the backends, whose schemas are their providers'.
 *
 * @throws ConfigError that names the file, and the line where the YAML itself is wrong.
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError([`cannot read it: ${error.code}`], path)
  })
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0)
    throw new ConfigError(
      document.errors.map(({ message }) => message),
      path,
    )
  const content: unknown = document.toJS() ?? {}
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new ConfigError(['the file must hold options, such as "listen: 127.0.0.1:8980"'], path)
  }
  try {
    const config = checkOptions(serverSchema, content as Record<string, unknown>, '') as ServerConfig
    return { config, baseDirectory: dirname(resolve(path)) }
  } catch (error) {
    throw error instanceof ConfigError ? new ConfigError(error.problems, path) : error
  }
}
