import { closeSync, openSync, writeSync } from 'node:fs'

/** A request as the load generator is told of it. */
export interface LoadRequest {
  readonly method: string
  readonly path: string
  /** Names and values, in turn. */
  readonly headers: readonly string[]
  /** Where its body is in the file of bodies, in bytes. */
  readonly offset: number
  readonly length: number
  /** The least size of the response's body, in bytes. */
  readonly expect: number
  /** What it must be answered with: a status of gRPC; of HTTP any of the same hundred. */
  readonly status: number
}

/** What a request is, besides its body. */
type RequestHead = Omit<LoadRequest, 'offset' | 'length'>

/** A request that is not yet in a file. */
export interface PreparedRequest extends RequestHead {
  /** The parts of its body. */
  readonly body: readonly Uint8Array[]
}

/** Requests, and the file that holds their bodies. */
export interface RequestFile {
  readonly path: string
  readonly requests: readonly LoadRequest[]
}

/** Writes the bodies of requests, one by one, so that they need not be in memory together. */
export function writeRequests(path: string, prepared: Iterable<PreparedRequest>): RequestFile {
  const file = openSync(path, 'w')
  const requests: LoadRequest[] = []
  let offset = 0
  try {
    for (const { body, ...head } of prepared) {
      const start = offset
      for (const part of body) offset += writePart(file, part)
      requests.push({ ...head, offset: start, length: offset - start })
    }
    return { path, requests }
  } finally {
    closeSync(file)
  }
}

function writePart(file: number, part: Uint8Array): number {
  for (let at = 0; at < part.byteLength;) at += writeSync(file, part, at)
  return part.byteLength
}
