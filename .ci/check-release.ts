// Refuses a release plan in which a package leaves the peer range that its dependents were published with, unless those
// dependents make a breaking release themselves: a program would end up with two copies of @caskade/core.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

interface Release {
  readonly name: string
  readonly oldVersion: string
  readonly newVersion: string
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const releases = new Map(plannedReleases().map((release) => [release.name, release]))
const problems = manifests().flatMap(({ name, version, peerDependencies = {} }) =>
  Object.keys(peerDependencies).flatMap((peer) => {
    const release = releases.get(peer)
    if (release === undefined || isWithinCaret(release.oldVersion, release.newVersion)) return []
    const own = releases.get(name)
    if (own !== undefined && !isWithinCaret(version, own.newVersion)) return []
    return [
      `${name}: ${peer} goes to ${release.newVersion}, out of ^${release.oldVersion}; it needs a breaking release too`,
    ]
  }),
)
for (const problem of problems) process.stderr.write(`${problem}\n`)
process.stdout.write(
  problems.length === 0 ? 'release plan: as it should be\n' : `release plan: ${problems.length} problems\n`,
)
process.exitCode = problems.length === 0 ? 0 : 1

function plannedReleases(): Release[] {
  const folder = mkdtempSync(join(tmpdir(), 'caskade-release-'))
  try {
    const output = join(folder, 'plan.json')
    const args = ['exec', 'changeset', 'status', `--output=${relative('.', output)}`]
    const { status, stderr, stdout } = spawnSync('pnpm', args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`changeset status failed:\n${stdout}${stderr}`)
    return (JSON.parse(readFileSync(output, 'utf8')) as { releases: Release[] }).releases
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function manifests(): Manifest[] {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(group).map((name) => JSON.parse(readFileSync(join(group, name, 'package.json'), 'utf8')) as Manifest),
  )
}

/** Tells whether `^from` takes in `to`: nothing to the left of, or at, the first number that is not zero may differ. */
function isWithinCaret(from: string, to: string): boolean {
  const [fromParts, toParts] = [from, to].map((version) => version.split('-')[0]?.split('.').map(Number) ?? [])
  const first = fromParts?.findIndex((part) => part > 0) ?? -1
  const significant = first === -1 ? 3 : first + 1
  return fromParts?.slice(0, significant).join('.') === toParts?.slice(0, significant).join('.')
}
