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
