/** What is set aside for the folders themselves, the ledgers and the like, in bytes, unless the quota is small. */
const FOLDERS_BYTES = 4 * 1024 * 1024

/** Which share of a small quota that may be. */
const FOLDERS_SHARE = 1 / 64

/** How much of a quota is there for files, in bytes. */
export function bytesForFiles(maxBytes: number): number {
  return maxBytes - Math.min(FOLDERS_BYTES, maxBytes * FOLDERS_SHARE)
}
