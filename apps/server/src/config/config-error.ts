/** What is wrong with a configuration, one problem a line, for the person who wrote it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[], where?: string) {
    const heading = where === undefined ? '' : `${where}:\n  `
    super(heading + problems.join('\n  '))
    this.problems = problems
  }
}

/** Adds the problems that a check finds to others, so that all of them can be told at once; undefined when it finds any. */
export async function collectProblems<Result>(
  problems: string[],
  check: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await check()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}
