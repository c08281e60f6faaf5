// Holds the repository to its layout: what stands at the top, which package may depend on which, how long a file may be.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const TOP_LEVEL = new Set(
  [
    'apps packages .changeset .ci README.md CONTRIBUTING.md LICENSE',
    'package.json pnpm-lock.yaml pnpm-workspace.yaml turbo.json tsconfig.base.json',
    'vitest.config.ts vitest.shared.ts knip.json .oxfmtrc.json .oxlintrc.json .gitattributes .gitignore',
    '.git node_modules .turbo coverage',
  ].flatMap((names) => names.split(' ')),
)

/** What a package may need at run time, directly. Test dependencies may add the suite, and for the server anything. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  '@caskade/core': [],
  '@caskade/conformance': ['@caskade/core'],
  '@caskade/grpc': [],
  '@caskade/reapi': ['@caskade/core', '@caskade/grpc'],
  caskade: ['@caskade/core', '@caskade/grpc', '@caskade/reapi', '@caskade/memory', '@caskade/sqlite'],
  '@caskade/playground': [
    '@caskade/conformance',
    '@caskade/core',
    '@caskade/fs',
    '@caskade/gcs',
    '@caskade/memory',
    '@caskade/reapi',
    '@caskade/sqlite',
  ],
}

/** What any package that is not listed above may need: it is a backend. */
const BACKEND_ARROWS = ['@caskade/core']

const MAX_LINES = 300

interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const problems: string[] = [...topLevelProblems(), ...packageProblems()]
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.stdout.write(problems.length === 0 ? 'layout: as it should be\n' : `layout: ${problems.length} problems\n`)
process.exitCode = problems.length === 0 ? 0 : 1

function topLevelProblems(): string[] {
  return readdirSync('.')
    .filter((name) => !TOP_LEVEL.has(name))
    .map((name) => `${name}: does not belong at the top level`)
}

function packageProblems(): string[] {
  const found: string[] = []
  const graph = new Map<string, string[]>()
  for (const group of ['packages', 'apps']) {
    for (const folder of readdirSync(group)) {
      const manifest = JSON.parse(readFileSync(join(group, folder, 'package.json'), 'utf8')) as Manifest
      graph.set(
        manifest.name,
        workspaceNames(manifest.dependencies, manifest.peerDependencies, manifest.devDependencies),
      )
      found.push(...arrowProblems(manifest), ...sourceProblems(join(group, folder), manifest))
    }
  }
  return [...found, ...cycles(graph)]
}

function arrowProblems({ name, dependencies, peerDependencies }: Manifest): string[] {
  const allowed = ARROWS[name] ?? BACKEND_ARROWS
  const problemsFound = workspaceNames(dependencies, peerDependencies)
    .filter((needed) => !allowed.includes(needed))
    .map((needed) => `${name}: must not depend on ${needed}`)
  if (name === '@caskade/core' && Object.keys(dependencies ?? {}).length > 0) {
    problemsFound.push(`${name}: must not have dependencies`)
  }
  return problemsFound
}

function sourceProblems(folder: string, { name, dependencies, peerDependencies }: Manifest): string[] {
  const found: string[] = []
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.(ts|tsx)$/.test(path) || /node_modules|dist\/|src\/gen\//.test(path)) continue
    const text = readFileSync(join(folder, path), 'utf8')
    const lines = text.split('\n').length - 1
    if (lines > MAX_LINES) found.push(`${join(folder, path)}: ${lines} lines, at most ${MAX_LINES}`)
    if (/\.(test|bench|fixture)\.ts$|^e2e\//.test(path)) continue
    const known = workspaceNames(dependencies, peerDependencies)
    for (const [, imported = ''] of text.matchAll(/from '((?:@caskade\/[a-z]+|caskade))/g)) {
      if (imported !== name && !known.includes(imported)) found.push(`${join(folder, path)}: imports ${imported}`)
    }
  }
  return found
}

function workspaceNames(...groups: (Readonly<Record<string, string>> | undefined)[]): string[] {
  return groups.flatMap((group) => Object.keys(group ?? {})).filter((name) => /^(@caskade\/|caskade$)/.test(name))
}

function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = []
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      found.push(`packages depend on each other: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`)
      return
    }
    for (const needed of graph.get(name) ?? []) visit(needed, [...path, name])
  }
  for (const name of graph.keys()) visit(name, [])
  return [...new Set(found)]
}
