import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withSmallDisk } from '@caskade/conformance'

const MIB = 1024 * 1024

/** A small disk of which some part is taken by something else. */
export interface SmallDisk {
  /** A folder on it. */
  readonly directory: string
  /** The file that takes up room; remove it to make some. */
  readonly filler: string
}

/**
 * Runs something on a disk with some 20 MiB of room, besides what a backend leaves free. Where none can be mounted, says so;
 * where it must be, as in CI, that is an error.
 */
export async function onSmallDisk(use: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const isRequired = process.env['CASKADE_E2E_REQUIRE_CLIENTS'] === '1'
  await withSmallDisk({ sizeBytes: 256 * MIB, isRequired }, async (mounted) => {
    const filler = join(mounted, 'filler')
    writeFileSync(filler, Buffer.alloc(170 * MIB))
    await use({ directory: join(mounted, 'data'), filler })
  })
}
