import { statfs } from 'node:fs/promises'

/** How much of a disk is left alone. */
export interface DiskReserve {
  /** So many bytes, unless the disk is small. */
  readonly bytes: number
  /** The share of a small disk that it may be, from 0 to 1. */
  readonly share: number
}

/** What the system says about a disk. */
export interface DiskSpace {
  /** How much of it is free besides the reserve, in bytes; negative when the reserve itself is being used. */
  readonly freeBytes: number
  /** What the reserve comes to on this disk, in bytes. */
  readonly reserveBytes: number
}

/** Asks how much of the disk that a path is on is free besides a reserve. */
export async function readDiskSpace(path: string, reserve: DiskReserve): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(path)
  const reserveBytes = Math.min(reserve.bytes, blocks * bsize * reserve.share)
  // Some remote file systems do not tell how large they are.
  return { freeBytes: blocks === 0 ? Number.MAX_SAFE_INTEGER : bavail * bsize - reserveBytes, reserveBytes }
}
