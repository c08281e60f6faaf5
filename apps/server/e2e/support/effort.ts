/** Whether the tests that kill, fill and fail things again and again are to go on for long. */
const isSoak = process.env['CASKADE_E2E_SOAK'] === '1'

/** How often something is done: usually, and in a soak. */
export function times(usually: number, inSoak: number): number {
  return isSoak ? inSoak : usually
}
