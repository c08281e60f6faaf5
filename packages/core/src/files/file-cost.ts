/** Files are allocated in blocks; so is what they take of a quota. */
const BLOCK_BYTES = 4096

/** What a file takes besides its content: its inode, its name in a folder, or its row in a database. */
const OVERHEAD_BYTES = 256

/** What a file takes of a quota. */
export function fileCostBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES + OVERHEAD_BYTES
}

/** The largest file that takes no more than so much, in bytes. */
export function largestFileBytes(costBytes: number): number {
  return Math.max(Math.floor((costBytes - OVERHEAD_BYTES) / BLOCK_BYTES) * BLOCK_BYTES, 0)
}
