/** How many bytes the unit of a size stands for; powers of 1,024 with an i, of 1,000 without. */
const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  TIB: 1024 ** 4,
}

/** How many milliseconds the unit of a duration stands for. */
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Reads a size such as `512MiB` or `50 GB` as bytes; undefined when it is not one. */
export function parseBytes(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim()) ?? []
  const factor = BYTE_UNITS[unit?.toUpperCase() ?? '']
  return factor === undefined ? undefined : Math.floor(Number(amount) * factor)
}

/** Reads a duration such as `30s` or `1.5h` as milliseconds; undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  const factor = DURATION_UNITS[unit ?? '']
  return factor === undefined ? undefined : Number(amount) * factor
}

/** Writes bytes as a configuration may have them, such as `6MiB`, rounded down to hundredths of a unit. */
export function formatBytes(bytes: number): string {
  return formatQuantity(bytes, { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 })
}

/** Writes milliseconds as a configuration may have them, such as `30s`, rounded down to hundredths of a unit. */
export function formatDuration(milliseconds: number): string {
  return formatQuantity(milliseconds, DURATION_UNITS)
}

/** In the largest unit of which there is a whole one; `units` are in ascending order. */
function formatQuantity(value: number, units: Readonly<Record<string, number>>): string {
  const [unit, factor] = Object.entries(units).findLast(([, each]) => each <= value) ?? ['', 1]
  return `${Math.floor((value / factor) * 100) / 100}${unit}`
}
