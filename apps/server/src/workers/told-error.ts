import { ConfigError } from '../config/config-error.ts'
import type { ToldError } from './messages.ts'

/** What there is to tell another process of an error. */
export function tellError(error: unknown): ToldError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) }
  const { name, message } = error
  const code = 'code' in error ? error.code : undefined
  return { name, message, code, ...(error instanceof ConfigError && { problems: error.problems }) }
}

/** The error that another process told of, for those here who have to deal with it. */
export function toError({ name, message, code, problems }: ToldError): Error {
  if (problems !== undefined) return new ConfigError(problems)
  const error = new Error(message)
  error.name = name
  return code === undefined ? error : Object.assign(error, { code })
}
