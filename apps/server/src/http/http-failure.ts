import { StorageError } from '@caskade/core'
import { mapStorageErrorCode } from '@caskade/reapi'

/** What a client is told when a request cannot be answered. */
export interface HttpFailure {
  readonly status: number
  /** For the person who reads the client's output. */
  readonly message: string
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A request that is refused for what it is. */
export class HttpRefusal extends Error implements HttpFailure {
  override readonly name = 'HttpRefusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>> | undefined

  constructor(status: number, message: string, headers?: Readonly<Record<string, string>>) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** The refusal of a method that is not served where it was used. */
export function methodRefusal(method: string, allowed: string): HttpRefusal {
  return new HttpRefusal(405, `${method} is not supported here`, { allow: allowed })
}

/** The refusal to write what is to be written only where nothing is. */
export function storedAlready(): HttpRefusal {
  return new HttpRefusal(412, 'something is stored there already')
}

/** Makes of whatever answering a request failed with what the client is to be told. */
export function failureOf(error: unknown): HttpFailure {
  if (error instanceof HttpRefusal) return error
  if (!StorageError.is(error)) return { status: 500, message: 'internal error' }
  return { status: mapStorageErrorCode(error.code).http, message: error.message }
}
