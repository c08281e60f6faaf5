import type { Stats } from 'node:fs'

/** What the file system knows of a file. */
export interface FileStat {
  readonly sizeBytes: number
  /** Tells this file from others on the same disk, whatever their names. */
  readonly inode: number
  /** How many names it has. */
  readonly links: number
  /** When its content was last changed, or what was set as that, in microseconds since 1970. */
  readonly modifiedUs: number
  /** When anything about it was last changed by the clock of the system, its names included, in milliseconds since 1970. */
  readonly changedMs: number
}

/** Reads what Node.js tells of a file. */
export function fileStat({ size, ino, nlink, mtimeMs, ctimeMs }: Stats): FileStat {
  // A quarter is more than what a double loses of such a number, and less than the half that `toSeconds` adds.
  const modifiedUs = Math.floor(mtimeMs * 1000 + 0.25)
  return { sizeBytes: size, inode: ino, links: nlink, modifiedUs, changedMs: ctimeMs }
}

/** A time in microseconds as the seconds that Node.js wants: half a microsecond more, because they are cut off, not rounded. */
export function toSeconds(timeUs: number): number {
  return (timeUs + 0.5) / 1e6
}
