/** A set of keys that several may have put the same one into: it is there until each of them has taken it out again. */
export class KeyCounts {
  readonly #counts = new Map<string, number>()

  has(key: string): boolean {
    return this.#counts.has(key)
  }

  add(keys: readonly string[]): void {
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  remove(keys: readonly string[]): void {
    for (const key of keys) {
      const count = this.#counts.get(key) ?? 0
      if (count > 1) this.#counts.set(key, count - 1)
      else this.#counts.delete(key)
    }
  }
}
