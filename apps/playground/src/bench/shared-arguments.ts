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

/** A command as a report names it, without where things were stored, which is about one machine. */
export function reportedCommand(command: string, words: readonly string[]): string {
  const told = withoutDashes(words).filter(
    (word, at, all) => !/^--(keep|directory)(=|$)/.test(word) && !/^--(keep|directory)$/.test(all[at - 1] ?? ''),
  )
  return [command, ...told.map((word) => (word.includes(' ') ? JSON.stringify(word) : word))].join(' ')
}
