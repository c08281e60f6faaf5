import type { OptionSchema, OptionsSchema } from '@caskade/core'
import { ConfigError } from './config-error.ts'
import { nearestOf } from './nearest.ts'
import { optionPath } from './option-path.ts'
import { schemaProblems } from './schema-problems.ts'
import { parseBytes, parseDuration } from './units.ts'

/**
 * Checks options against their schema, turning sizes and durations with units into numbers.
 *
 * @param path Where the options stand, such as `backend.cache`; empty for the top level.
 * @throws ConfigError with every problem: unknown keys (and what was probably meant), missing ones, wrong values.
 */
export function checkOptions(schema: OptionsSchema, options: Readonly<Record<string, unknown>>, path: string): unknown {
  const known = Object.keys(schema.properties)
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  // What is there under another name, or with a wrong value, is not missing as well.
  const isThere = new Set<string>()
  for (const [key, value] of Object.entries(options)) {
    const property = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
    isThere.add(property === undefined ? (nearestOf(key, known) ?? key) : key)
    const found: string[] = []
    if (property === undefined) found.push(unknownKey(optionPath(path, key), key, known))
    const converted = property && convert(property, value, optionPath(path, key), found)
    if (found.length === 0) values[key] = converted
    problems.push(...found)
  }
  const required = schema.required?.filter((key) => !isThere.has(key)) ?? []
  problems.push(...schemaProblems({ ...schema, required }, values, path))
  if (problems.length > 0) throw new ConfigError(problems)
  return values
}

function unknownKey(path: string, key: string, known: readonly string[]): string {
  const nearest = nearestOf(key, known)
  const hint = nearest === undefined ? `known are: ${known.join(', ')}` : `did you mean ${nearest}?`
  return `${path}: unknown option; ${hint}`
}

function convert({ format, properties }: OptionSchema, value: unknown, path: string, problems: string[]): unknown {
  if (properties !== undefined && isObject(value)) return convertObject(properties, value, path, problems)
  if (typeof value !== 'string') return value
  if (format === 'bytes') {
    const bytes = parseBytes(value)
    if (bytes === undefined)
      problems.push(`${path}: ${JSON.stringify(value)} is not a size; write it like 512MiB or 50GB`)
    return bytes
  }
  if (format === 'duration-ms') {
    const duration = parseDuration(value)
    if (duration === undefined)
      problems.push(`${path}: ${JSON.stringify(value)} is not a duration; write it like 30s or 2h`)
    return duration
  }
  return value
}

function convertObject(
  properties: OptionsSchema['properties'],
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: string[],
): unknown {
  try {
    return checkOptions({ type: 'object', properties }, value, path)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}

/** Whether something can hold options. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
