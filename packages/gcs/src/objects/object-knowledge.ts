import { createHash } from 'node:crypto'
import type { Digest } from '@caskade/core'

/** What an object is known by: 128 bits that no two objects share, and a word that tells sizes and kinds apart. */
export type KnowledgeKey = readonly [number, number, number, number, number]

/** Where knowledge is kept and for how long. */
export interface KnowledgeOptions {
  /** How many objects are remembered at most. */
  readonly entries: number
  /** For how long an object that was seen is taken to be there, in milliseconds. */
  readonly existenceMs: number
  readonly now: () => number
}

const WAYS = 8
const WORDS = 7
const SEEN = 5
const CUSTOM_TIME = 6
const EPOCHS = 1024

/**
 * Remembers which objects were seen lately, and when their use was last recorded. Never that one is absent.
 *
 * A table of fixed size in one typed array: a map of a million digests would cost the heap 150 MiB and the collector
 * 100 ms. Times are whole seconds since 1970.
 */
export class ObjectKnowledge {
  readonly #options: KnowledgeOptions
  readonly #sets: number
  /** Counts removals, by a part of the key: an answer from before a removal says nothing about what is after it. */
  readonly #epochs = new Uint32Array(EPOCHS)
  #table: Uint32Array | undefined

  constructor(options: KnowledgeOptions) {
    this.#options = options
    this.#sets = Math.max(8, Math.ceil(options.entries / WAYS))
  }

  /** Call it before asking the service; {@link noteThere} wants to know. */
  epoch(key: KnowledgeKey): number {
    return this.#epochs[key[1] % EPOCHS] ?? 0
  }

  /** Notes that an object was seen by a question that was asked at `epoch`. Does nothing when it was removed since. */
  noteThere(key: KnowledgeKey, epoch: number, customTimeMs: number | undefined): void {
    if (this.epoch(key) !== epoch) return
    const at = this.#find(key) ?? this.#claim(key)
    const table = this.#tableInUse()
    table[at + SEEN] = this.#nowSeconds()
    if (customTimeMs !== undefined) table[at + CUSTOM_TIME] = seconds(customTimeMs)
  }

  /** Notes when the use of an object was last recorded, without saying that it is there. */
  noteCustomTime(key: KnowledgeKey, customTimeMs: number): void {
    const at = this.#find(key) ?? this.#claim(key)
    this.#tableInUse()[at + CUSTOM_TIME] = seconds(customTimeMs)
  }

  /** Forgets an object, when it is removed and when it was found absent. */
  forget(key: KnowledgeKey): void {
    const bucket = key[1] % EPOCHS
    this.#epochs[bucket] = ((this.#epochs[bucket] ?? 0) + 1) >>> 0
    const at = this.#find(key)
    if (at !== undefined) this.#tableInUse().fill(0, at, at + WORDS)
  }

  isThere(key: KnowledgeKey): boolean {
    const at = this.#find(key)
    if (at === undefined) return false
    const seen = this.#table?.[at + SEEN] ?? 0
    const age = this.#nowSeconds() - seen
    // A clock that went back makes nothing last longer.
    return seen > 0 && age >= 0 && age * 1000 < this.#options.existenceMs
  }

  /** When the use of the object was last recorded, as far as is known here. */
  customTimeMs(key: KnowledgeKey): number | undefined {
    const at = this.#find(key)
    const time = at === undefined ? 0 : (this.#table?.[at + CUSTOM_TIME] ?? 0)
    return time === 0 ? undefined : time * 1000
  }

  #find(key: KnowledgeKey): number | undefined {
    const table = this.#table
    if (table === undefined) return undefined
    const first = this.#firstOf(key)
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      if (isAt(table, at, key)) return at
    }
    return undefined
  }

  /** Takes the place of what was seen least recently of those that share it. */
  #claim(key: KnowledgeKey): number {
    const table = this.#tableInUse()
    const first = this.#firstOf(key)
    let oldest = first
    for (let at = first; at < first + WAYS * WORDS; at += WORDS) {
      if (usedAt(table, at) < usedAt(table, oldest)) oldest = at
    }
    table.set(key, oldest)
    table.fill(0, oldest + SEEN, oldest + WORDS)
    return oldest
  }

  #firstOf(key: KnowledgeKey): number {
    return (key[0] % this.#sets) * WAYS * WORDS
  }

  #tableInUse(): Uint32Array {
    this.#table ??= new Uint32Array(this.#sets * WAYS * WORDS)
    return this.#table
  }

  #nowSeconds(): number {
    return seconds(this.#options.now())
  }
}

/** The key of a blob; a digest of another size is another key. */
export function blobKnowledgeKey({ hash, sizeBytes, digestFunction = 'sha256' }: Digest): KnowledgeKey {
  const size = (sizeBytes ^ (sizeBytes / 2 ** 32)) >>> 0
  return [...wordsOf(hash), (size ^ (digestFunction.length * 0x9e3779b1)) >>> 0]
}

/** The key of any other object, by its name. */
export function nameKnowledgeKey(name: string): KnowledgeKey {
  return [...wordsOf(createHash('sha256').update(name).digest('hex')), 0xffffffff]
}

function wordsOf(hash: string): [number, number, number, number] {
  const word = (index: number): number => Number.parseInt(hash.slice(index * 8, index * 8 + 8), 16)
  return [word(0), word(1), word(2), word(3)]
}

function isAt(table: Uint32Array, at: number, key: KnowledgeKey): boolean {
  return (
    table[at] === key[0] &&
    table[at + 1] === key[1] &&
    table[at + 2] === key[2] &&
    table[at + 3] === key[3] &&
    table[at + 4] === key[4]
  )
}

function usedAt(table: Uint32Array, at: number): number {
  return Math.max(table[at + SEEN] ?? 0, table[at + CUSTOM_TIME] ?? 0)
}

function seconds(milliseconds: number): number {
  return Math.min(0xffffffff, Math.max(0, Math.floor(milliseconds / 1000)))
}
