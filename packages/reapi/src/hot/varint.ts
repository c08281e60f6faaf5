/** Writes a non-negative safe integer; returns where it ends. */
export function writeVarint(target: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  while (rest > 0x7f) {
    // Not by shifting: it may have more than 32 bits.
    target[at] = (rest % 128) + 128
    rest = Math.floor(rest / 128)
    at += 1
  }
  target[at] = rest
  return at + 1
}

/** How many bytes {@link writeVarint} writes. */
export function varintBytes(value: number): number {
  let count = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) count += 1
  return count
}
