import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Digest } from '@caskade/core'

/** The largest blob that a SQLite backend keeps as a row by default, in bytes. */
const MAX_ROW_BYTES = 16 * 1024

/** What should not be in the folder of a SQLite backend that holds these blobs and is closed. */
export function storeLeftovers(directory: string, digests: readonly Digest[]): string[] {
  const files = namesOfFiles(join(directory, 'files'))
  const expected = digests.filter(({ sizeBytes }) => sizeBytes > MAX_ROW_BYTES).length
  const owners = namesOfFiles(join(directory, 'owners'))
  return files.length === expected ? owners : [`${files.length} files for ${expected} blobs`, ...owners]
}

/** What should not be in the folder of a backend of plain files that holds these blobs and is closed. */
export function fsLeftovers(directory: string, digests: readonly Digest[]): string[] {
  const files = namesOfFiles(join(directory, 'cas'))
  const ledgers = namesOfFiles(join(directory, 'ledgers'))
  return [
    ...namesOfFiles(join(directory, 'tmp')),
    ...(files.length === digests.length ? [] : [`${files.length} files for ${digests.length} blobs`]),
    ...(ledgers.length === 1 ? [] : ledgers),
  ]
}

/** What should not be in a folder of journals when everything has arrived and nobody uses it. */
export function journalLeftovers(directory: string): string[] {
  return namesOfFiles(directory)
}

function namesOfFiles(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => basename(name))
}
