import type { Item } from './content.ts'
import type { Subject } from './subject.ts'

/** Something that is done to a storage and measured. */
export interface Operation {
  readonly name: string
  /** What it is, for the reader of a table. */
  readonly meaning: string
  /** It stores something new each time; others ask for what was stored before. */
  readonly writes: boolean
  /** How many blobs one call is about. */
  batch(sizeBytes: number): number
  /** Figures are for one call, however many blobs it is about, or for one blob of a call. */
  readonly per: 'call' | 'blob'
  /** Whether larger blobs than the smallest make a difference to it. */
  readonly readsContent: boolean
  /** Whether it is measured with several calls under way as well. */
  readonly concurrent: boolean
  /** Of the blobs of a call, which part is stored beforehand; the rest is absent. */
  readonly storedPart: number
  /** Does it; rejects when the answer cannot be right. Undefined when the subject cannot do it. */
  of(subject: Subject): ((items: readonly Item[]) => Promise<void>) | undefined
}

/** How many digests one call of `missing` asks about. */
const MISSING_DIGESTS = 10_000

/** A call in bulk carries as many blobs as fit in so many bytes, as in one batch of the Remote Execution API, and at most 100. */
const BULK_BYTES = 4 * 1024 * 1024

const single = { batch: () => 1, per: 'call', readsContent: true, concurrent: true, storedPart: 1 } as const
const bulk = {
  batch: (sizeBytes: number) => Math.min(Math.max(Math.floor(BULK_BYTES / sizeBytes), 1), 100),
  per: 'blob',
  readsContent: true,
  concurrent: false,
  storedPart: 1,
} as const

/** Everything that is measured. */
export const operations: readonly Operation[] = [
  {
    ...single,
    name: 'put',
    meaning: 'store a blob whose digest is known; whether it matches is checked only by those that always check',
    writes: true,
    of: (subject) => async (items) => subject.put(first(items)),
  },
  {
    ...single,
    name: 'put-verified',
    meaning: 'store a blob only if it matches its digest, and keep what nobody else can change',
    concurrent: false,
    writes: true,
    of: (subject) => async (items) => subject.putVerified(first(items)),
  },
  {
    ...single,
    name: 'get',
    meaning: 'read a whole blob into one buffer',
    writes: false,
    of: (subject) => async (items) => {
      const bytes = await subject.get(first(items))
      expectCount('get: bytes', bytes?.byteLength, first(items).bytes.byteLength)
    },
  },
  {
    ...single,
    name: 'stream',
    meaning: 'read a whole blob chunk by chunk',
    concurrent: false,
    writes: false,
    of: (subject) => {
      if (subject.stream === undefined) return undefined
      return async (items) =>
        expectCount('stream: bytes', await subject.stream?.(first(items)), first(items).bytes.byteLength)
    },
  },
  {
    ...single,
    name: 'has',
    meaning: 'ask whether a blob is stored; every other one is',
    readsContent: false,
    writes: false,
    batch: () => 2,
    storedPart: 0.5,
    per: 'blob',
    of:
      (subject) =>
      async ([stored, absent]) => {
        if (stored === undefined || absent === undefined) throw new RangeError('has: needs two blobs')
        if (!(await subject.has(stored)) || (await subject.has(absent))) throw new Error('has: a wrong answer')
      },
  },
  {
    ...single,
    name: 'missing',
    meaning: `ask which of ${MISSING_DIGESTS.toLocaleString('en')} blobs are not stored, in one call; half of them are`,
    concurrent: false,
    readsContent: false,
    writes: false,
    batch: () => MISSING_DIGESTS,
    storedPart: 0.5,
    of: (subject) => async (items) => expectCount('missing', await subject.missing(items), items.length / 2),
  },
  {
    ...bulk,
    name: 'bulk-read',
    meaning: 'read many blobs in one call: as many as fit in 4 MiB, 100 at most, 1 at least',
    writes: false,
    of: (subject) => async (items) => expectCount('bulk-read', (await subject.bulkGet(items)).length, items.length),
  },
  {
    ...bulk,
    name: 'bulk-write',
    meaning: 'store as many in one call, each only if it matches its digest',
    writes: true,
    of: (subject) => async (items) => subject.bulkPut(items),
  },
]

/** Finds the operation of a name that came out of this list. */
export function operationOf(name: string): Operation {
  const operation = operations.find((candidate) => candidate.name === name)
  if (operation === undefined) throw new RangeError(`there is no operation ${name}`)
  return operation
}

function first(items: readonly Item[]): Item {
  const [item] = items
  if (item === undefined) throw new RangeError('an operation needs a blob')
  return item
}

function expectCount(what: string, actual: number | undefined, expected: number): void {
  if (actual !== expected) throw new Error(`${what}: expected ${expected}, found ${actual}`)
}
