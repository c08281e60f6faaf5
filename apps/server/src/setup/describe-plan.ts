import type { AppliedEdit } from './apply-edits.ts'
import type { SetupPlan } from './setup-tool.ts'

/** Says what there is to do for a tool, for whoever does it himself. */
export function describePlan({ edits, environment, instead, notes = [] }: SetupPlan): string {
  const files = edits.map(({ path, lines }) => `In ${path}:\n\n${indent(lines)}\n`)
  return [
    ...files,
    ...describeEnvironment('In the environment', environment),
    ...describeEnvironment('Or, for one project alone, not the file but in the environment', instead),
    ...notes.map((note) => `${note}\n`),
  ].join('\n')
}

/** Says what was done for a tool, and what is left to do. */
export function describeApplied(applied: readonly AppliedEdit[], { environment, notes = [] }: SetupPlan): string {
  const files = applied.map(({ path, outcome }) => `${path}: ${outcome}\n`)
  const rest = [...describeEnvironment('In the environment', environment), ...notes.map((note) => `${note}\n`)]
  return [files.join(''), ...rest].join('\n')
}

function describeEnvironment(where: string, variables: Readonly<Record<string, string>> = {}): string[] {
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${value}`)
  return lines.length === 0 ? [] : [`${where}:\n\n${indent(lines.join('\n'))}\n`]
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}
