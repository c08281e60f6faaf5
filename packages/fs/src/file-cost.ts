/** Files are allocated in blocks; so is what they take of the quota. */
const BLOCK_BYTES = 4096

/** What a file takes besides its content: its inode, and its name in a folder. */
const OVERHEAD_BYTES = 256

/** What is set aside for the folders themselves, the ledgers and the like, in bytes, unless the quota is small. */
const FOLDERS_BYTES = 4 * 1024 * 1024

/** Which share of a small quota that may be. */
const FOLDERS_SHARE = 1 / 64

/** What a file takes of the quota. */
export function fileCostBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES + OVERHEAD_BYTES
}

/** The largest file that takes no more than so much, in bytes. */
export function largestFileBytes(costBytes: number): number {
  return Math.max(Math.floor((costBytes - OVERHEAD_BYTES) / BLOCK_BYTES) * BLOCK_BYTES, 0)
}

/** How much of a quota is there for files, in bytes. */
export function bytesForFiles(maxBytes: number): number {
  return maxBytes - Math.min(FOLDERS_BYTES, maxBytes * FOLDERS_SHARE)
}
