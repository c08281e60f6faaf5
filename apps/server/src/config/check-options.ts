import type { OptionSchema, OptionsSchema } from '@caskade/core'
import { Ajv } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import { ConfigError } from './config-error.ts'
import { parseBytes, parseDuration } from './units.ts'

const ajv = new Ajv({ allErrors: true, strict: false })

/**
 * Checks options against their schema, turning sizes and durations with units into numbers.
 *
 * @param path Where the options stand, such as `backend.cache`; empty for the top level.
 * @throws ConfigError with every problem: unknown keys (and what was probably meant), missing ones, wrong values.
 */
export function checkOptions(schema: OptionsSchema, options: Readonly<Record<string, unknown>>, path: string): unknown {
  const problems: string[] = []
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    const property = Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined
    if (property === undefined) problems.push(unknownKey(join(path, key), key, Object.keys(schema.properties)))
    else values[key] = convert(property, value, join(path, key), problems)
  }
  if (problems.length === 0) problems.push(...schemaProblems(schema, values, path))
  if (problems.length > 0) throw new ConfigError(problems)
  return values
}

function unknownKey(path: string, key: string, known: readonly string[]): string {
  const nearest = nearestOf(key, known)
  const hint = nearest === undefined ? `known are: ${known.join(', ')}` : `did you mean ${nearest}?`
  return `${path}: unknown option; ${hint}`
}

/** The name that was probably meant by a misspelt one; undefined when none is near. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const nearest = closest(name.toLowerCase(), known)
  return distance(name.toLowerCase(), nearest.toLowerCase()) <= Math.max(2, name.length / 3) ? nearest : undefined
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

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function schemaProblems(schema: OptionsSchema, values: unknown, path: string): string[] {
  const properties = Object.fromEntries(
    Object.entries(schema.properties).map(([key, property]) => [key, withoutFormat(property)]),
  )
  const validate = ajv.compile({ ...schema, properties })
  if (validate(values)) return []
  return (validate.errors ?? []).map(({ keyword, instancePath, message, params }) => {
    if (keyword === 'required') return `${join(path, String(params['missingProperty']))}: it is missing`
    const allowed = keyword === 'enum' ? `: ${JSON.stringify(params['allowedValues'])}` : ''
    return `${join(path, fromPointer(instancePath))}: ${message}${allowed}`
  })
}

/**
 * Formats were dealt with, or are by the backends' own schemas; to a JSON Schema validator they would be unknown ones. So
 * were the properties of objects.
 */
function withoutFormat(option: OptionSchema): object {
  const rest = Object.entries(option).filter(([keyword]) => keyword !== 'format' && keyword !== 'properties')
  const schema = Object.fromEntries(rest)
  return option.format === 'backends' ? { ...schema, additionalProperties: { type: 'object' } } : schema
}

/** Writes a JSON Pointer (RFC 6901) as options are named here. */
function fromPointer(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
