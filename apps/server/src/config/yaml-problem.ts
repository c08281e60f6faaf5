import type { YAMLError } from 'yaml'

/** What is wrong with YAML, and where, in one line: without the excerpt of the file that follows. */
export function yamlProblem({ message }: YAMLError): string {
  const [line = ''] = message.split('\n')
  return line.replace(/:$/, '')
}
