import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runOk } from './support/run.ts'

const MEBIBYTE = 1024 * 1024

describe('WithCache', () => {
  test('reads one blob of 100 MB once for 1,000 readers, who have its first byte before its last arrives', async () => {
    const outcome = await runProgram('shared-read.ts')

    process.stdout.write(`peak resident memory with 1,000 readers: ${inMebibytes(outcome['peakMemoryBytes'])} MiB\n`)
    expect(outcome).toMatchObject({ rightReaders: 1000, reads: 1, isCached: true })
    expect(outcome['deliveredAtFirstByte']).toBeLessThan(10_000_000)
    expect(outcome['peakMemoryBytes']).toBeLessThan(400 * MEBIBYTE)
  })

  test('keeps accepting writes while the fallback is away for a minute, up to its bound, and delivers all of them after it', async () => {
    const outcome = await runProgram('outage.ts')

    process.stdout.write(
      `outage: ${Number(outcome['acknowledged'])} writes accepted, ${Number(outcome['refused'])} refused; resident memory ` +
        `${inMebibytes(outcome['memoryWhenFull'])} MiB when full, ${inMebibytes(outcome['memoryAtEnd'])} MiB at the end\n`,
    )
    expect(outcome).toMatchObject({ wrongReads: 0, lost: 0, early: 0 })
    expect(outcome['acknowledged']).toBeGreaterThan(1000)
    expect(outcome['pendingBytesAtEnd']).toBeGreaterThan(150_000_000)
    expect(outcome['pendingBytesAtEnd']).toBeLessThanOrEqual(200_000_000)
    expect(outcome['refused']).toBeGreaterThan(0)
    expect(outcome['refusals']).toHaveLength(1)
    expect(String(outcome['refusals'])).toContain('deferred writes of # bytes are waiting')
    // Flat once it is full.
    const growth = Number(outcome['memoryAtEnd']) - Number(outcome['memoryWhenFull'])
    expect(growth).toBeLessThan(100 * MEBIBYTE)
  })
})

async function runProgram(name: string): Promise<Record<string, unknown>> {
  const path = fileURLToPath(new URL(`programs/${name}`, import.meta.url))
  const output = await runOk(process.execPath, ['--conditions=@caskade/source', path], { cwd: import.meta.dirname })
  return JSON.parse(output) as Record<string, unknown>
}

function inMebibytes(bytes: unknown): number {
  return Math.round(Number(bytes) / MEBIBYTE)
}
