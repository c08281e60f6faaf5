/**
 * What is wrong with a name for an instance, undefined if nothing is. The names that are taken stand in URLs, in resource names
 * and in the files of build tools as they are.
 */
export function instanceNameProblem(name: string): string | undefined {
  if (name.split('/').every((part) => /^[\w.~-]+$/.test(part) && !/^\.{1,2}$/.test(part))) return undefined
  return `${JSON.stringify(name)} cannot be an instance; use names of letters, digits, and . _ ~ -, with / between them`
}
