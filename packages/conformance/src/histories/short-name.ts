import type { TestBlob } from '../test-blob.ts'

/** Names a blob so that it can be told from others in a report. */
export function shortName({ digest }: TestBlob): string {
  return `${digest.hash.slice(0, 6)}…/${digest.sizeBytes}`
}
