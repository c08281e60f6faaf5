import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reportEvent } from '@caskade/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatAddress } from './config/listen-address.ts'
import type { RunningServer } from './index.ts'
import { startServer } from './index.ts'
import { NOTHING_DONE, sumProcessReports } from './statistics/process-report.ts'
import { DURATION_BOUNDS, RequestCounts, sumRequests } from './statistics/request-counts.ts'
import { version } from './version.ts'
import { ReapiClient } from './testing/reapi-client.fixture.ts'
import { eventually } from './testing/eventually.fixture.ts'
import { newBlob } from './testing/reapi-support.fixture.ts'

let directory: string
let server: RunningServer
let base: string

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caskade-metrics-'))
  const config = { listen: '127.0.0.1:0', httpListen: '127.0.0.1:0', data: directory }
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  server = await startServer(config, { baseDirectory: directory, log })
  base = `http://${formatAddress(server.httpAddress)}`
})

afterEach(async () => {
  await server.stop()
  rmSync(directory, { recursive: true })
})

async function metrics(): Promise<string[]> {
  const text = await (await fetch(`${base}/metrics`)).text()
  return text.split('\n')
}

test('/metrics is what Prometheus reads, and says what each tool has done', async () => {
  using client = new ReapiClient(formatAddress(server.grpcAddress))
  const [blob, action] = [newBlob(100), newBlob(10)]
  await client.batchUpdateBlobs({ requests: [{ digest: blob.wire, data: blob.bytes }] })
  await client.batchReadBlobs({ digests: [blob.wire] })
  await client.getActionResult({ actionDigest: action.wire }).catch(() => undefined)
  await fetch(`${base}/cas/${blob.digest.hash}`, { headers: { 'user-agent': 'bazel/8.0.0' } }).then((response) =>
    response.arrayBuffer(),
  )

  const response = await fetch(`${base}/metrics`)

  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const lines = (await response.text()).split('\n')
  expect(lines).toEqual(
    expect.arrayContaining([
      `caskade_build_info{version="${version}"} 1`,
      'caskade_workers 1',
      'caskade_workers_replaced_total 0',
      'caskade_lookups_total{tool="other",result="hit"} 0',
      'caskade_lookups_total{tool="other",result="miss"} 1',
      'caskade_sent_blobs_total{tool="bazel"} 1',
      'caskade_sent_bytes_total{tool="other"} 100',
      'caskade_offered_blobs_total{tool="other"} 1',
      'caskade_offered_bytes_total{tool="other"} 100',
      'caskade_deduplicated_blobs_total{tool="other"} 0',
      'caskade_deduplicated_bytes_total{tool="other"} 0',
    ]),
  )
  expect(lines.find((line) => line.startsWith('process_cpu_seconds_total '))).toMatch(/ \d+(\.\d+)?$/)
  expect(lines.find((line) => line.startsWith('process_resident_memory_bytes '))).toMatch(/ [1-9]\d{6,}$/)
})

test('/metrics counts requests by what they asked for and how they ended', async () => {
  using client = new ReapiClient(formatAddress(server.grpcAddress))
  const [blob, absent] = [newBlob(100), newBlob(10)]
  const digests = [blob.wire]
  await client.findMissingBlobs({ blobDigests: digests })
  await client.findMissingBlobs({ blobDigests: digests })
  await client.getActionResult({ actionDigest: absent.wire }).catch(() => undefined)
  await fetch(`${base}/cas/${absent.digest.hash}`).then((response) => response.text())
  await fetch(`${base}/nothing/served/here`).then((response) => response.text())

  await eventually(async () => {
    const lines = await metrics()
    const countOf = (labels: string): string | undefined =>
      lines.find((line) => line.startsWith(`caskade_request_duration_seconds_count{${labels}}`))?.split(' ')[1]
    expect(countOf('protocol="grpc",service="ContentAddressableStorage",method="FindMissingBlobs",code="OK"')).toBe('2')
    expect(countOf('protocol="grpc",service="ActionCache",method="GetActionResult",code="NOT_FOUND"')).toBe('1')
    expect(countOf('protocol="http",service="bazel",method="GET",code="404"')).toBe('1')
    expect(countOf('protocol="http",service="unknown",method="GET",code="404"')).toBe('1')
  })
})

test('/metrics tells of clients that left before they had all of a response', async () => {
  const blob = newBlob(32 * 1024 * 1024)
  const path = `/cas/${blob.digest.hash}`
  await fetch(`${base}${path}`, { method: 'PUT', body: Buffer.from(blob.bytes) })
  const leaving = new AbortController()

  await fetch(`${base}${path}`, { signal: leaving.signal })
  leaving.abort()

  const count = 'caskade_request_duration_seconds_count{protocol="http",service="bazel",method="GET",code="aborted"} 1'
  await eventually(async () => expect(await metrics()).toContain(count))
})

test('/metrics counts what storages notice', async () => {
  const event = { kind: 'corrupt', storageType: 'Sqlite', operation: 'getBlob' } as const
  for (let times = 0; times < 3; times += 1) reportEvent(event)
  reportEvent({ ...event, kind: 'lease-refusal' })

  expect(await metrics()).toEqual(
    expect.arrayContaining([
      'caskade_storage_events_total{storage="Sqlite",kind="corrupt"} 3',
      'caskade_storage_events_total{storage="Sqlite",kind="lease-refusal"} 1',
    ]),
  )
})

test('durations are counted up to their bound, those of several processes together', () => {
  const kind = { protocol: 'http', service: 'nx', method: 'GET', code: '200' } as const
  const [first, second] = [new RequestCounts(), new RequestCounts()]
  for (const seconds of [0, 0.001, 0.002, 61]) first.of(kind).add(seconds)
  for (const seconds of [0.001, 60]) second.of(kind).add(seconds)
  second.of({ ...kind, code: '404' }).add(0.25)

  const [found, absent] = sumRequests([...first.report(), ...second.report()])

  expect(DURATION_BOUNDS).toHaveLength(8)
  expect(found).toEqual({ ...kind, seconds: expect.closeTo(121.004), counts: [3, 1, 0, 0, 0, 0, 0, 1, 1] })
  expect(absent).toEqual({ ...kind, code: '404', seconds: 0.25, counts: [0, 0, 0, 0, 1, 0, 0, 0, 0] })
})

test('what processes report is added up, and to nothing for none', () => {
  const events = [{ kind: 'corrupt', storageType: 'Fs', count: 2 }] as const
  const report = { ...NOTHING_DONE, storageEvents: events, cpuSeconds: 1.5, residentBytes: 10 }

  expect(sumProcessReports([])).toEqual(NOTHING_DONE)
  expect(sumProcessReports([report, NOTHING_DONE, report])).toEqual({
    ...NOTHING_DONE,
    storageEvents: [{ ...events[0], count: 4 }],
    cpuSeconds: 3,
    residentBytes: 20,
  })
})
