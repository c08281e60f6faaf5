import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBlobs } from '@caskade/conformance'
import { AccessClock, nodeFiles, QuickReads } from '@caskade/core/files'
import { expect, onTestFinished, test } from 'vitest'
import { AccessLog } from './access-log.ts'
import { BlobFinder } from './blob-finder.ts'
import { FolderSyncs } from './folder-syncs.ts'
import { Layout } from './layout.ts'
import { blockingLooks } from './looks.fixture.ts'

test('a look at a folder serves all searches that had begun before it, and none that begins after it', () => {
  const path = mkdtempSync(join(tmpdir(), 'caskade-fs-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  const digests = makeBlobs(5000, 10).flatMap(({ digest }) => (digest.hash.startsWith('ab') ? [digest] : []))
  const looks: string[] = []
  const blocking = blockingLooks((file) => looks.push(file))
  const layout = new Layout(path)
  const clock = new AccessClock(Date.now)
  const granularityMs = 30_000
  const finder = new BlobFinder({
    layout,
    // By a clock that stands still, all looks are quick.
    quick: new QuickReads(blocking, { now: () => 0 }),
    syncs: new FolderSyncs(nodeFiles),
    accessLog: new AccessLog({ layout, files: nodeFiles, clock, granularityMs }),
    clock,
    granularityMs,
  })

  const [first, second] = [finder.begin(), finder.begin()]
  for (const digest of digests) for (const finding of [first, second]) finder.has(digest, finding)
  const looksOfBoth = looks.length
  const third = finder.begin()
  for (const digest of digests) for (const finding of [first, third]) finder.has(digest, finding)

  expect(digests.length).toBeGreaterThan(10)
  // One at the folder, which is not there, and one more by the third.
  expect([looksOfBoth, looks.length]).toEqual([1, 2])
})
