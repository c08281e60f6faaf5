import { join, resolve } from 'node:path'
import type { Backend, ScrubReport } from '@caskade/core'
import { EmptyBlobStorage, FairBudget, onStorageEvent, Scrubber, SpoolBudget, startAll, stopAll } from '@caskade/core'
import { OwnedDirectory } from '@caskade/core/files'
import type { GrpcServerOptions } from '@caskade/grpc'
import { GrpcServer, Http2GrpcServer, StatusCode } from '@caskade/grpc'
import type { ReapiOptions } from '@caskade/reapi'
import { ReapiServices, toGrpcError } from '@caskade/reapi'
import { buildBackend } from './backends/build-backend.ts'
import { defaultBackend } from './backends/default-backend.ts'
import { defaultDataDirectory } from './config/environment.ts'
import { CleanupStack } from './cleanup-stack.ts'
import { parseListenAddress } from './config/listen-address.ts'
import type { ServerConfig } from './config/server-config.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from './config/server-config.ts'
import { createHttpFrontends } from './frontends/create-frontends.ts'
import type { HttpFrontend } from './frontends/http-frontend.ts'
import { operationsFrontend } from './frontends/operations.ts'
import type { HttpExchange } from './http/http-exchange.ts'
import type { HttpServerOptions } from './http/http-server.ts'
import { HttpServer } from './http/http-server.ts'
import type { Log } from './log.ts'
import type { RunningServer } from './server.ts'
import { countReapiUse } from './statistics/count-reapi-use.ts'
import { serverStatus } from './statistics/server-status.ts'
import type { ProcessReport } from './statistics/process-report.ts'
import { ProcessCounts } from './statistics/process-report.ts'
import { metricsText } from './statistics/metrics-text.ts'
import { noteCall, noteExchange } from './statistics/note-requests.ts'
import type { Statistics } from './statistics/statistics.ts'
import type { ProcessShare } from './workers/process-share.ts'
import { WHOLE_SERVER } from './workers/process-share.ts'

/** Messages of clients beyond this are refused, in bytes: a batch of blobs with their digests, or 100,000 digests. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

/** What the larger messages of clients that are received or handled may take together, in bytes. */
const MAX_RECEIVED_BYTES = 128 * 1024 * 1024

/** What bodies that are read into memory, and what is made of them, may take together, in bytes. */
const MAX_BODY_BYTES = 128 * 1024 * 1024

const DEFAULT_MAX_BLOB_BYTES = 64 * 1024 ** 3

const DEFAULT_MAX_SPOOL_BYTES = 16 * 1024 ** 3

const DEFAULT_MAX_CONNECTIONS = 10_000

const DEFAULT_SCRUB_BYTES_PER_SECOND = 4 * 1024 * 1024

const DEFAULT_DRAIN_MS = 10_000

/** What a server that is one process needs besides its configuration. */
export interface SingleServerOptions {
  /** The folder that relative paths in the configuration are relative to. */
  readonly baseDirectory: string
  readonly log: Log
  /** What part it has in a server of several processes. Default: it is all of it. */
  readonly share?: ProcessShare | undefined
}

/** A server that is one process, or one process of a server. */
export interface SingleServer extends RunningServer {
  /** What was done here. */
  report(): ProcessReport
}

/** Starts a server in this process; see `startServer`. */
export async function startSingleServer(
  config: ServerConfig,
  { baseDirectory, log, share = WHOLE_SERVER }: SingleServerOptions,
): Promise<SingleServer> {
  const { processes, startedAt = new Date() } = share
  const grpcListen = parseListenAddress(config.listen ?? DEFAULT_LISTEN, 'listen')
  const httpListen = parseListenAddress(config.httpListen ?? DEFAULT_HTTP_LISTEN, 'httpListen')
  const dataDirectory = resolve(baseDirectory, config.data ?? defaultDataDirectory())
  const built = await buildBackend(config.backend ?? defaultBackend(dataDirectory), { baseDirectory, processes })
  const backend: Backend = { ...built, storage: new EmptyBlobStorage(built.storage) }
  const maxConnections = Math.ceil((config.maxConnections ?? DEFAULT_MAX_CONNECTIONS) / processes)
  const maxSpoolBytes = Math.ceil((config.maxSpoolBytes ?? DEFAULT_MAX_SPOOL_BYTES) / processes)
  const spoolBudget = new SpoolBudget(maxSpoolBytes)
  const storable = backend.storage.maxBlobBytes ?? Infinity
  const maxBlobBytes = Math.min(config.maxBlobBytes ?? DEFAULT_MAX_BLOB_BYTES, maxSpoolBytes, storable)
  const drainMs = config.drainMs ?? DEFAULT_DRAIN_MS

  const cleanup = new CleanupStack()
  try {
    const counts = new ProcessCounts()
    cleanup.defer(
      onStorageEvent(({ error, ...event }) => {
        counts.noteEvent(event)
        log.warn({ ...event, err: error }, `storage: ${event.kind}`)
      }),
    )
    await startAll([backend.storage, backend.actionCache])
    cleanup.defer(() => stopAll([backend.storage, backend.actionCache]))
    // Of what several processes share, one reads all again.
    if (share.index === 0) await startScrubber(config, backend, cleanup, log)
    const uploadDirectory = await claimUploadDirectory(dataDirectory, cleanup)

    const { tools: statistics } = counts
    const report = (): ProcessReport => counts.report()
    const totals = share.totals ?? (() => Promise.resolve({ ...report(), workers: { running: 1, replaced: 0 } }))
    const shared = { backend, uploadDirectory, spoolBudget, maxBlobBytes }
    const bodyBudget = new FairBudget({ max: memoryShare(MAX_BODY_BYTES, processes) })
    const services = createReapiServices(config, shared, statistics)
    cleanup.defer(() => services[Symbol.asyncDispose]())
    const { actionResults } = services
    const frontends = [
      operationsFrontend({
        status: async () => serverStatus(await totals(), startedAt),
        metrics: async () => metricsText(await totals(), startedAt),
      }),
      ...createHttpFrontends(config.frontends ?? {}, { ...shared, bodyBudget, actionResults, statistics }),
    ]
    const grpc = createGrpcServer(services, config, {
      log,
      maxReceivedBytes: memoryShare(MAX_RECEIVED_BYTES, processes),
      onCallEnded: noteCall(counts.requests),
    })
    const http2 = new Http2GrpcServer(grpc, { maxConnections })
    const http = createHttpServer(frontends, { maxConnections, log, onAnswered: noteExchange(counts.requests) })
    const reusePort = processes > 1
    const grpcAddress = await http2.listen({ ...grpcListen, reusePort })
    cleanup.defer(() => Promise.all([http2.close(drainMs), http.close(drainMs)]))
    const httpAddress = await http.listen({ ...httpListen, reusePort })
    cleanup.defer(() => services.stopServing())

    let stopping: Promise<void> | undefined
    const stop = (): Promise<void> => (stopping ??= cleanup.unwind())
    return { grpcAddress, httpAddress, dataDirectory, report, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await cleanup.unwind().catch((failure: unknown) => log.error({ err: failure }, 'cannot undo a failed start'))
    throw error
  }
}

/** What this process may take of memory that is bounded for the server: enough for two of the largest messages in any case. */
function memoryShare(bytes: number, processes: number): number {
  return Math.max(Math.floor(bytes / processes), 2 * MAX_MESSAGE_BYTES)
}

/** Looks for damage in the background, if that is wanted. */
async function startScrubber(
  { scrubBytesPerSecond, backend: configured }: ServerConfig,
  { storage }: Backend,
  cleanup: CleanupStack,
  log: Log,
): Promise<void> {
  const maxBytesPerSecond = scrubBytesPerSecond ?? (configured === undefined ? DEFAULT_SCRUB_BYTES_PER_SECOND : 0)
  if (maxBytesPerSecond === 0) return
  const onRound = (report: ScrubReport): void => {
    if (report.checkedBlobs + report.failedBlobs > 0) log.info({ ...report }, 'looked for damage in all blobs')
  }
  const scrubber = new Scrubber({ storage, maxBytesPerSecond, onRound })
  await scrubber.start()
  cleanup.defer(() => scrubber.stop())
}

function createReapiServices(
  config: ServerConfig,
  shared: Pick<ReapiOptions, 'backend' | 'uploadDirectory' | 'spoolBudget' | 'maxBlobBytes'>,
  statistics: Statistics,
): ReapiServices {
  const { digestFunctions, maxBatchBytes, frontends } = config
  const instance = frontends?.reapi?.instance
  return new ReapiServices({
    ...shared,
    digestFunctions,
    maxBatchBytes,
    instanceNames: instance === undefined ? undefined : [instance],
    onUse: countReapiUse(statistics),
  })
}

/** Without the Remote Execution API, what is left is to tell that the server is well. */
function createGrpcServer(
  services: ReapiServices,
  { frontends }: ServerConfig,
  { log, ...options }: Pick<GrpcServerOptions, 'maxReceivedBytes' | 'onCallEnded'> & { readonly log: Log },
): GrpcServer {
  return new GrpcServer({
    ...options,
    methods: frontends?.reapi?.enabled === false ? services.healthMethods : services.methods,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    toGrpcError,
    onCallFailed(path, error, cause) {
      if (error.code === StatusCode.INTERNAL) log.error({ path, err: cause }, 'call failed')
    },
  })
}

function createHttpServer(
  frontends: readonly HttpFrontend[],
  { log, ...options }: Pick<HttpServerOptions, 'maxConnections' | 'onAnswered'> & { readonly log: Log },
): HttpServer {
  const onFailure = ({ method, path }: HttpExchange, error: unknown): void =>
    log.error({ method, path, err: error }, 'request failed')
  return new HttpServer(frontends, { ...options, onFailure })
}

/** A folder for what is on its way in. What an earlier server left in its own when it was killed is removed. */
async function claimUploadDirectory(dataDirectory: string, cleanup: CleanupStack): Promise<string> {
  // The data folder may be one where others keep things too, such as uploads of their own.
  const parent = join(dataDirectory, 'caskade-uploads')
  const owned = await OwnedDirectory.claim(parent)
  cleanup.defer(() => owned.release())
  for (const id of await owned.abandoned()) await owned.removeAbandoned(id)
  return owned.path
}
