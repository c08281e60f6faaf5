/** The words of a command line without the dashes that `pnpm bench -- --quick` hands over as well. */
export function withoutDashes(words: readonly string[]): string[] {
  return words[0] === '--' ? words.slice(1) : [...words]
}

/** Reads `--seed`. Throws when it is no whole number. */
export function parseSeed(text: string): number {
  const seed = Number(text)
  if (Number.isSafeInteger(seed)) return seed
  throw new RangeError(`--seed: ${text} is not a whole number`)
}
