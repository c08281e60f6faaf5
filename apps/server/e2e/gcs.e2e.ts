import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FakeGcs } from '@caskade/gcs/testing'
import { describe, expect, test } from 'vitest'
import { blobOf } from '../src/testing/reapi-support.fixture.ts'
import { times } from './support/effort.ts'
import { temporaryFolder } from './support/folders.ts'
import { checkGcsKills, gcsModules } from './support/gcs-kills.ts'
import { createRandom } from './support/random.ts'
import { runOk } from './support/run.ts'
import { startServerProcess } from './support/server-process.ts'

const KILLS = times(15, 50)

test.each(gcsModules)(`$name loses nothing that it acknowledged over ${KILLS} kills`, async (backend) => {
  using folder = temporaryFolder('gcs-kills')
  const seed = Math.floor(createRandom(`kills of ${backend.name}`)() * 2 ** 32)

  await expect(checkGcsKills(backend, { directory: folder.path, seed, rounds: KILLS })).resolves.toBeUndefined()
})

test('a cache in front of a bucket that is out of reach for a minute accepts writes up to its bound, and delivers all of them after it', async () => {
  const path = fileURLToPath(new URL('programs/gcs-outage.ts', import.meta.url))
  const output = await runOk(process.execPath, ['--conditions=@caskade/source', path], { cwd: import.meta.dirname })

  process.stdout.write(`outage: ${output}`)
  const outcome = JSON.parse(output) as Record<string, number>
  expect(outcome).toMatchObject({ wrongReads: 0, lost: 0, arrivedInOutage: 0 })
  expect(outcome['acknowledged']).toBeGreaterThan(500)
  expect(outcome['refused']).toBeGreaterThan(0)
  expect(outcome['pendingBytesAtEnd']).toBeLessThanOrEqual(50_000_000)
})

describe('the server', () => {
  test('with `type: gcs` keeps what it is given in the bucket, where another server finds it', async () => {
    await using fake = await FakeGcs.start({ bucketName: 'team', token: '' })
    using folder = temporaryFolder('gcs-server')
    const config = join(folder.path, 'caskade.yaml')
    writeFileSync(
      config,
      `backend: { type: gcs, bucket: team, apiEndpoint: '${fake.url}', prefix: ci/, leaseMs: 8h }\n`,
    )
    const blobs = [1000, 3_000_000].map((size) => blobOf(randomBytes(size)))
    {
      await using server = await startServerProcess(join(folder.path, 'one'), ['--config', config])
      for (const { bytes, digest } of blobs) {
        const { status } = await fetch(`${server.http}/cas/${digest.hash}`, { method: 'PUT', body: bytes })
        expect(status).toBe(200)
      }
    }
    expect(fake.objects.all.map(({ name }) => name)).toEqual(blobs.map(({ digest }) => `ci/cas/sha256/${digest.hash}`))

    await using server = await startServerProcess(join(folder.path, 'two'), ['--config', config])
    for (const { bytes, digest } of blobs) {
      const response = await fetch(`${server.http}/cas/${digest.hash}`)
      expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), bytes)).toBe(0)
    }
  })
})
