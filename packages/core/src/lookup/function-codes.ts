import type { DigestFunction } from '../digest.ts'

/** A number for each digest function, for tables in memory: less than 8, and not 0, which can mark what is empty. */
export const FUNCTION_CODES: Readonly<Record<DigestFunction, number>> = {
  sha256: 1,
  sha1: 2,
  sha384: 3,
  sha512: 4,
  blake3: 5,
}
