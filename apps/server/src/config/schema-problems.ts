import type { OptionSchema, OptionsSchema } from '@caskade/core'
import type { ErrorObject } from 'ajv'
import { Ajv } from 'ajv'
import { fromPointer, optionPath } from './option-path.ts'
import { formatBytes, formatDuration } from './units.ts'

const ajv = new Ajv({ allErrors: true, strict: false, verbose: true })

/** What is wrong with options by their schema, each with where it is and, if that can be told, what was probably meant. */
export function schemaProblems(schema: OptionsSchema, values: unknown, path: string): string[] {
  const properties = Object.fromEntries(
    Object.entries(schema.properties).map(([key, property]) => [key, withoutFormat(property)]),
  )
  const validate = ajv.compile({ ...schema, properties })
  if (validate(values)) return []
  return (validate.errors ?? []).map((error) => {
    if (error.keyword === 'required')
      return `${optionPath(path, String(error.params['missingProperty']))}: it is missing`
    const [, key = ''] = error.instancePath.split('/')
    const option = schema.properties[fromPointer(`/${key}`)]
    return `${optionPath(path, fromPointer(error.instancePath))}: ${describe(error, option)}`
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

function describe({ keyword, message, params, data }: ErrorObject, option: OptionSchema | undefined): string {
  if (keyword === 'minimum') return `must be at least ${quantity(params['limit'], option)}`
  if (keyword === 'maximum') return `must be at most ${quantity(params['limit'], option)}`
  if (keyword === 'enum') return `${message}: ${JSON.stringify(params['allowedValues'])}`
  const meant = keyword === 'type' ? probablyMeant(params['type'], data, option) : undefined
  return meant === undefined ? `${message}` : `${message}; did you mean ${meant}?`
}

function quantity(limit: unknown, option: OptionSchema | undefined): string {
  if (option?.format === 'bytes') return formatBytes(Number(limit))
  return option?.format === 'duration-ms' ? formatDuration(Number(limit)) : String(limit)
}

/** What somebody may have had in mind who wrote a single value in place of an object, or of a list. */
function probablyMeant(type: unknown, value: unknown, option: OptionSchema | undefined): string | undefined {
  if (type === 'array' && typeof value === 'string') return `[${value}]`
  if (type !== 'object') return undefined
  if (typeof value === 'boolean' && option?.properties?.['enabled'] !== undefined) return `{ enabled: ${value} }`
  const isBackend = option?.format === 'backend' || option?.format === 'backends'
  return typeof value === 'string' && isBackend ? `{ type: ${value} }` : undefined
}
