/** What a request is about. */
export type FakeRequestKind =
  | 'insert'
  | 'begin'
  | 'chunk'
  | 'query'
  | 'metadata'
  | 'media'
  | 'patch'
  | 'delete'
  | 'list'

/** A request, as a plan sees it. */
export interface FakeRequest {
  readonly kind: FakeRequestKind
  /** The object, or for a list the prefix; empty where only the body tells. */
  readonly name: string
  readonly method: string
  /** Path and query, as they came. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Counts all requests, from 1. */
  readonly number: number
}

/** A refusal. */
export interface FakeStatus {
  readonly status: number
  readonly message?: string | undefined
  readonly reason?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * How a request goes wrong.
 *
 * - `status`: refused, and without effect. `status-after`: it took effect, and the answer says otherwise. `early-status`:
 *   refused before its body was read.
 * - `reset`: the connection ends, without effect. `reset-after`: it took effect, and then the connection ends.
 * - `reset-while-sending`: the connection ends once so many bytes of the request's body have come.
 * - `stall`: nothing happens until the promise resolves. `stall-body`: the answer stops for that long half-way.
 * - `break-body`: the connection ends after so many bytes of the answer. `shorten-body`: the answer has so many bytes and
 *   claims that this is all. `lengthen-body`: it has a byte more than it claims, without a length.
 * - `flip-bit`: a bit of the answer's content is wrong. `flip-uploaded-bit`: a bit of the content that came is.
 * - `tiny-pieces`: the answer comes byte by byte. `wrong-crc32c`: it claims another checksum. `garbage`: it is no JSON.
 * - `lose-session`: the upload is forgotten. `take-less`: only the first 256 KiB of a chunk are kept.
 * - `ignore-range`: all of the object is sent where a part was asked for.
 */
export type FakeFault =
  | ({ readonly type: 'status' | 'status-after' | 'early-status' } & FakeStatus)
  | { readonly type: 'reset' | 'reset-after' | 'flip-bit' | 'flip-uploaded-bit' | 'tiny-pieces' | 'wrong-crc32c' }
  | { readonly type: 'garbage' | 'lose-session' | 'take-less' | 'ignore-range' | 'lengthen-body' }
  | { readonly type: 'reset-while-sending' | 'break-body' | 'shorten-body'; readonly afterBytes: number }
  | { readonly type: 'stall'; readonly until: Promise<void> }
  | { readonly type: 'stall-body'; readonly afterBytes: number; readonly until: Promise<void> }

/** Says how each request goes wrong; undefined where it does not. */
export type FakePlan = (request: FakeRequest) => FakeFault | undefined

/** Has the first requests of one kind go wrong, one after the other. */
export function inTurn(kind: FakeRequestKind, ...faults: readonly (FakeFault | undefined)[]): FakePlan {
  let next = 0
  return (request) => (request.kind === kind ? faults[next++] : undefined)
}

/** Has every request go wrong the first time that it comes, and none that repeats it. */
export function firstTime(faultFor: (request: FakeRequest) => FakeFault | undefined): FakePlan {
  const seen = new Set<string>()
  return (request) => {
    const { method, url, headers } = request
    // What is read on from another byte is still the same reading; each chunk of an upload is another.
    const key = [method, headers['x-goog-gcs-idempotency-token'] ?? url, headers['content-range']].join(' ')
    if (seen.has(key)) return undefined
    seen.add(key)
    return faultFor(request)
  }
}
