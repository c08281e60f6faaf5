/** What may stand under a name after a crash: the name of a value, or null for nothing. */
export type Outcome = string | null

/** A change of what stands under a name, which was begun or acknowledged. */
export interface LedgerNote {
  readonly state: 'begun' | 'acknowledged'
  readonly name: string
  readonly outcome: Outcome
}

/** Somewhere to note changes, each before it is begun and once it is acknowledged. */
export interface Notebook {
  note(note: LedgerNote): void
}

const NOTHING: ReadonlySet<Outcome> = new Set([null])

/**
 * Knows what must be found after a crash.
 *
 * A change that was begun may or may not have happened; one that was acknowledged has. Changes of one name must not
 * overlap, unless all of them have the same outcome.
 */
export class Ledger implements Notebook {
  readonly #outcomes = new Map<string, Set<Outcome>>()
  #acknowledgements = 0

  /** How many changes were acknowledged in all. */
  get acknowledgements(): number {
    return this.#acknowledgements
  }

  note({ state, name, outcome }: LedgerNote): void {
    if (state === 'acknowledged') {
      this.#acknowledgements += 1
      this.#outcomes.set(name, new Set([outcome]))
      return
    }
    this.#outcomes.set(name, new Set([...this.outcomesOf(name), outcome]))
  }

  /** Notes what was found, which makes it certain. */
  settle(name: string, outcome: Outcome): void {
    this.#outcomes.set(name, new Set([outcome]))
  }

  /** Everything that may stand under a name now. */
  outcomesOf(name: string): ReadonlySet<Outcome> {
    return this.#outcomes.get(name) ?? NOTHING
  }

  /** Every name that was ever noted and begins with a prefix. */
  names(prefix: string): string[] {
    return [...this.#outcomes.keys()].filter((name) => name.startsWith(prefix))
  }
}
