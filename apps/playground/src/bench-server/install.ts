import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SubjectKind } from './subject.ts'

/** A server that can be had, and what it said of itself. */
interface InstalledSubject {
  readonly kind: SubjectKind
  readonly version: string
}

/** Where peers are installed, once for this machine. */
const PEERS = join(tmpdir(), 'caskade-bench-peers')

/** Finds out which servers can be had here, and why others cannot; what has to be built or downloaded is kept in a folder. */
export async function installSubjects(
  wanted: readonly SubjectKind[],
  folder: string = PEERS,
): Promise<{ subjects: InstalledSubject[]; missing: string[] }> {
  await mkdir(folder, { recursive: true })
  const subjects: InstalledSubject[] = []
  const missing: string[] = []
  for (const kind of wanted) {
    try {
      subjects.push({ kind, version: await kind.install(folder) })
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      process.stderr.write(`${kind.name}: ${text}\n`)
      // What was run is for the report; what it said is about this machine, and for who watches.
      const [command = ''] = text.split('\n')
      missing.push(`${kind.name}: ${command}`)
    }
  }
  return { subjects, missing }
}
