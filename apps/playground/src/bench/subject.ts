import type { Item } from './content.ts'

/** Something that keeps blobs by the hash of their content, opened for a benchmark. */
export interface Subject {
  /** Stores content under its hash, which the caller has computed; does not check that they match unless it always does. */
  put(item: Item): Promise<void>
  /** Stores content only if it has its hash, in such a way that what is kept cannot change with the caller's bytes. */
  putVerified(item: Item): Promise<void>
  /** Returns the whole content; undefined when it is not stored. */
  get(item: Item): Promise<Uint8Array | undefined>
  /** Reads the content chunk by chunk without holding it; returns how many bytes there were. Absent where it cannot. */
  stream?(item: Item): Promise<number>
  has(item: Item): Promise<boolean>
  /** Returns how many are not stored. */
  missing(items: readonly Item[]): Promise<number>
  /** Stores many, each only if it has its hash. */
  bulkPut(items: readonly Item[]): Promise<void>
  /** Returns the contents of those that are stored. */
  bulkGet(items: readonly Item[]): Promise<Uint8Array[]>
  close(): Promise<void>
}

/** What is measured: one of our backends, or what a program would use instead. */
export interface SubjectKind {
  /** How tables call it. */
  readonly name: string
  /** The packages whose versions matter to its figures. */
  readonly packages: readonly string[]
  /** What it does for an operation and what it leaves out, for a reader who compares figures. */
  readonly conduct: string
  /** Opens an empty one in an empty folder of its own. */
  open(folder: string): Promise<Subject>
}

/** A backend of ours and what it is measured against. */
export interface Contest {
  /** The name that `--backend` selects it by. */
  readonly backend: string
  readonly ours: SubjectKind
  readonly peers: readonly SubjectKind[]
  /** How many operations are under way at once: each of these is measured. */
  readonly concurrencies: readonly number[]
}
