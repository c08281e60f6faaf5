import type { TypedText } from '../frontends/operations.ts'
import { version } from '../version.ts'
import { DURATION_BOUNDS } from './request-counts.ts'
import type { RequestReport } from './request-counts.ts'
import type { ServerTotals } from './server-status.ts'
import type { ToolReport } from './statistics.ts'

type Labels = Readonly<Record<string, string | number>>

interface Value {
  readonly labels: Labels
  readonly value: number
  /** The name of the series, where it is not that of the metric. */
  readonly metricName?: string
}

/** A metric as prom-client hands it from process to process. */
interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly aggregator: 'sum'
  readonly values: readonly Value[]
}

/** Writes what a server has done since it started in the text format of Prometheus. */
export async function metricsText(totals: ServerTotals, startedAt: Date): Promise<TypedText> {
  // Loaded when it is first asked for: a server that nobody watches starts faster without it.
  const { AggregatorRegistry } = await import('prom-client')
  const registry = AggregatorRegistry.aggregate([metricsOf(totals, startedAt)])
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function metricsOf(
  { workers, tools, requests, storageEvents, cpuSeconds, residentBytes }: ServerTotals,
  startedAt: Date,
): Metric[] {
  const ofTools = (valueOf: (tool: ToolReport) => number): Value[] =>
    Object.entries(tools).map(([tool, report]) => ({ labels: { tool }, value: valueOf(report) }))
  return [
    gauge('caskade_build_info', 'The version of the server; the value is always 1.', 1, { version }),
    gauge('caskade_workers', 'Processes that serve.', workers.running),
    counter('caskade_workers_replaced_total', 'Processes that ended without having been told to.', [
      { labels: {}, value: workers.replaced },
    ]),
    counter('caskade_lookups_total', 'Answers to the question whether there is a result for a key.', [
      ...ofTools(({ hits }) => hits).map((value) => labelled(value, { result: 'hit' })),
      ...ofTools(({ misses }) => misses).map((value) => labelled(value, { result: 'miss' })),
    ]),
    counter(
      'caskade_sent_blobs_total',
      'Blobs that were sent.',
      ofTools(({ sent }) => sent.count),
    ),
    counter(
      'caskade_sent_bytes_total',
      'Content that was sent, in bytes.',
      ofTools(({ sent }) => sent.bytes),
    ),
    counter(
      'caskade_offered_blobs_total',
      'Blobs that were offered for upload: received, or known to be stored already.',
      ofTools(({ offered }) => offered.count),
    ),
    counter(
      'caskade_offered_bytes_total',
      'The same, in bytes.',
      ofTools(({ offered }) => offered.bytes),
    ),
    counter(
      'caskade_deduplicated_blobs_total',
      'Blobs that were offered for upload and stored already.',
      ofTools(({ deduplicated }) => deduplicated.count),
    ),
    counter(
      'caskade_deduplicated_bytes_total',
      'The same, in bytes.',
      ofTools(({ deduplicated }) => deduplicated.bytes),
    ),
    histogram(
      'caskade_request_duration_seconds',
      'What requests took, from when their headers were there to when their response was handed over.',
      requests,
    ),
    counter(
      'caskade_storage_events_total',
      'What storages noticed and dealt with by themselves, such as damage; the log has each with its reason.',
      storageEvents.map(({ storageType, kind, count }) => ({ labels: { storage: storageType, kind }, value: count })),
    ),
    counter('process_cpu_seconds_total', 'User and system time of the processes that serve, in seconds.', [
      { labels: {}, value: cpuSeconds },
    ]),
    gauge('process_resident_memory_bytes', 'What the processes that serve have in memory, in bytes.', residentBytes),
    gauge('process_start_time_seconds', 'When the server started, in seconds since 1970.', startedAt.getTime() / 1000),
  ]
}

function counter(name: string, help: string, values: readonly Value[]): Metric {
  return { name, help, type: 'counter', aggregator: 'sum', values }
}

function gauge(name: string, help: string, value: number, labels: Labels = {}): Metric {
  return { name, help, type: 'gauge', aggregator: 'sum', values: [{ labels, value }] }
}

/** Buckets hold all that took up to their bound, as Prometheus has them. */
function histogram(name: string, help: string, requests: readonly RequestReport[]): Metric {
  const values = requests.flatMap(({ counts, seconds, ...labels }): Value[] => {
    let count = 0
    const buckets = counts.map((ofRange, index) => {
      count += ofRange
      const le = DURATION_BOUNDS[index] ?? '+Inf'
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: seconds },
      { metricName: `${name}_count`, labels, value: count },
    ]
  })
  return { name, help, type: 'histogram', aggregator: 'sum', values }
}

function labelled({ labels, value }: Value, more: Labels): Value {
  return { labels: { ...labels, ...more }, value }
}
