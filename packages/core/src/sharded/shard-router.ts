import { StorageError } from '../storage-error.ts'
import { rendezvousHashing } from './rendezvous.ts'

/** How much of all keys each shard owns, by the names of the shards. */
export interface ShardWeights {
  /**
   * Each shard's share of all keys, in proportion to the others' shares. Default: 1 for every shard that is not named. A
   * shard of weight 0 owns nothing: it is read only for what it owned by `previousWeights`.
   */
  readonly weights?: Readonly<Record<string, number>> | undefined
  /**
   * The weights before the last change, for as long as blobs are found where those put them. A shard that is not named
   * had weight 0: it is new. Default: none, nothing has moved.
   */
  readonly previousWeights?: Readonly<Record<string, number>> | undefined
}

/** Where a key belongs. */
export interface Owners<Child> {
  /** The shard that owns it. */
  readonly present: Child
  /** The shard that owned it by the previous weights; undefined when there are none, or it is the same. */
  readonly previous: Child | undefined
}

/** Tells for every key which of several named children owns it, and which one did before. */
export class ShardRouter<Child> {
  /** Every child, in the order named; one that has two names is here twice. */
  readonly children: readonly Child[]
  readonly #shards: ReadonlyMap<string, Child>
  readonly #present: (key: string) => string
  readonly #previous: ((key: string) => string) | undefined

  /**
   * @throws StorageError `invalid-argument` when there is no shard, a weight is negative or not finite or names no shard,
   * or all are 0.
   */
  constructor(shards: Readonly<Record<string, Child>>, { weights = {}, previousWeights }: ShardWeights) {
    this.#shards = new Map(Object.entries(shards))
    this.children = [...this.#shards.values()]
    if (this.children.length === 0) throw invalid('needs at least one shard')
    this.#present = rendezvousHashing(checkedWeights('weights', weights, this.#shards, 1))
    if (previousWeights === undefined) return
    this.#previous = rendezvousHashing(checkedWeights('previousWeights', previousWeights, this.#shards, 0))
  }

  /** True while keys are looked for where the previous weights put them, too. */
  get isResharding(): boolean {
    return this.#previous !== undefined
  }

  /** Tells where a key belongs. */
  ownersOf(key: string): Owners<Child> {
    const present = this.#shards.get(this.#present(key)) as Child
    const previous = this.#previous && this.#shards.get(this.#previous(key))
    return { present, previous: previous === present ? undefined : previous }
  }
}

function checkedWeights(
  option: string,
  weights: Readonly<Record<string, number>>,
  shards: ReadonlyMap<string, unknown>,
  defaultWeight: number,
): Map<string, number> {
  const checked = new Map([...shards.keys()].map((name) => [name, defaultWeight]))
  for (const [name, weight] of Object.entries(weights)) {
    if (!shards.has(name)) {
      throw invalid(
        `${option} names ${JSON.stringify(name)}, which is not a shard; they are: ${[...shards.keys()].join(', ')}`,
      )
    }
    if (!Number.isFinite(weight) || weight < 0) {
      throw invalid(
        `the weight of ${JSON.stringify(name)} in ${option} must be a finite number of at least 0, not ${weight}`,
      )
    }
    checked.set(name, weight)
  }
  if ([...checked.values()].some((weight) => weight > 0)) return checked
  throw invalid(`${option}: every shard has weight 0, so no shard would own anything`)
}

function invalid(problem: string): StorageError {
  return new StorageError('invalid-argument', `Sharded: ${problem}`)
}
