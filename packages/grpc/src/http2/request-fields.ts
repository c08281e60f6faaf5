import type { HeaderFields } from '../metadata.ts'
import type { Field } from './header-decoder.ts'

/** Fields that are about a connection, and have no place in HTTP/2 (RFC 9113, section 8.2.2). */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

const REQUEST_PSEUDO_FIELDS: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority'])

/** Puts the fields of a request together by their names; undefined when it is malformed (RFC 9113, sections 8.2 and 8.3). */
export function requestFields(list: readonly Field[]): HeaderFields | undefined {
  const fields: Record<string, string | string[]> = Object.create(null)
  let isPastPseudo = false
  for (const { name, value, isValid } of list) {
    if (!isValid || isMisplaced(name, value)) return undefined
    const isPseudo = name.startsWith(':')
    if (isPseudo && (isPastPseudo || fields[name] !== undefined || !REQUEST_PSEUDO_FIELDS.has(name))) return undefined
    isPastPseudo ||= !isPseudo
    const present = fields[name]
    if (present === undefined) fields[name] = value
    else if (typeof present === 'string') fields[name] = [present, value]
    else present.push(value)
  }
  const { ':method': method, ':scheme': scheme, ':path': path } = fields
  return method && scheme && path ? fields : undefined
}

/** Tells whether trailers are as they should be: trailers have no pseudo fields (RFC 9113, section 8.1). */
export function areTrailersValid(list: readonly Field[]): boolean {
  return list.every(({ name, value, isValid }) => isValid && !name.startsWith(':') && !isMisplaced(name, value))
}

function isMisplaced(name: string, value: string): boolean {
  return CONNECTION_FIELDS.has(name) || (name === 'te' && value !== 'trailers')
}
