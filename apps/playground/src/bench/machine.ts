import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os'
import type { SubjectKind } from './subject.ts'

/** One line on what the figures were measured with. */
export function describeMachine(): string {
  const [cpu] = cpus()
  const memory = Math.round(totalmem() / 1024 ** 3)
  return `${availableParallelism()} × ${cpu?.model ?? 'unknown CPU'} (${arch()}), ${memory} GiB of memory, ${platform()} ${release()}, Node.js ${process.versions.node}`
}

/** The versions of all packages that the subjects name. */
export function describeVersions(kinds: readonly SubjectKind[]): string {
  const names = [...new Set(kinds.flatMap(({ packages }) => packages))]
  return names.map((name) => `${name} ${versionOf(name)}`).join(', ')
}

function versionOf(name: string): string {
  const path = findPackageJSON(name, import.meta.url)
  if (path === undefined) throw new Error(`${name} is not installed`)
  return (JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }).version
}
