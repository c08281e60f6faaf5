import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import type { Backend, ScrubReport } from '@caskade/core'
import { EmptyBlobStorage, FairBudget, onStorageEvent, Scrubber, SpoolBudget, startAll, stopAll } from '@caskade/core'
import { OwnedDirectory } from '@caskade/core/files'
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
import { HttpServer } from './http/http-server.ts'
import type { Log } from './log.ts'
import { createLog } from './log.ts'
import { countReapiUse } from './statistics/count-reapi-use.ts'
import { serverStatus } from './statistics/server-status.ts'
import { Statistics } from './statistics/statistics.ts'

/** Messages of clients beyond this are refused, in bytes: a batch of blobs with their digests, or 100,000 digests. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

/** What bodies that are read into memory, and what is made of them, may take together, in bytes. */
const MAX_BODY_BYTES = 128 * 1024 * 1024

const DEFAULT_MAX_BLOB_BYTES = 64 * 1024 ** 3

const DEFAULT_MAX_SPOOL_BYTES = 16 * 1024 ** 3

const DEFAULT_MAX_CONNECTIONS = 10_000

const DEFAULT_SCRUB_BYTES_PER_SECOND = 4 * 1024 * 1024

/** What a server needs besides its configuration. */
export interface ServerOptions {
  /** The folder that relative paths in the configuration are relative to. Default: the current folder. */
  readonly baseDirectory?: string | undefined
  /** Where to say what happens. Default: JSON lines on standard error. */
  readonly log?: Log | undefined
}

/** A server that runs. */
export interface RunningServer extends AsyncDisposable {
  readonly grpcAddress: AddressInfo
  readonly httpAddress: AddressInfo
  /** The folder for data, absolute. */
  readonly dataDirectory: string
  /** Refuses new requests, lets those under way finish, then stops the backend. However often it is called, it resolves when all that is done. */
  stop(): Promise<void>
}

/**
 * Starts a server.
 *
 * @throws ConfigError when the configuration cannot be used; the error of Node.js when an address cannot be bound; and
 * what the backend fails to start with. Nothing is left running then.
 */
export async function startServer(
  config: ServerConfig = {},
  { baseDirectory = process.cwd(), log = createLog() }: ServerOptions = {},
): Promise<RunningServer> {
  const grpcListen = parseListenAddress(config.listen ?? DEFAULT_LISTEN, 'listen')
  const httpListen = parseListenAddress(config.httpListen ?? DEFAULT_HTTP_LISTEN, 'httpListen')
  const dataDirectory = resolve(baseDirectory, config.data ?? defaultDataDirectory())
  const built = await buildBackend(config.backend ?? defaultBackend(dataDirectory), baseDirectory)
  const backend: Backend = { ...built, storage: new EmptyBlobStorage(built.storage) }
  const { maxConnections = DEFAULT_MAX_CONNECTIONS, maxSpoolBytes = DEFAULT_MAX_SPOOL_BYTES } = config
  const spoolBudget = new SpoolBudget(maxSpoolBytes)
  const storable = backend.storage.maxBlobBytes ?? Infinity
  const maxBlobBytes = Math.min(config.maxBlobBytes ?? DEFAULT_MAX_BLOB_BYTES, maxSpoolBytes, storable)
  const drainMs = config.drainMs ?? 10_000
  const startedAt = new Date()

  const cleanup = new CleanupStack()
  try {
    cleanup.defer(onStorageEvent(({ error, ...event }) => log.warn({ ...event, err: error }, `storage: ${event.kind}`)))
    await startAll([backend.storage, backend.actionCache])
    cleanup.defer(() => stopAll([backend.storage, backend.actionCache]))
    await startScrubber(config, backend, cleanup, log)
    const uploadDirectory = await claimUploadDirectory(dataDirectory, cleanup)

    const statistics = new Statistics()
    const shared = { backend, uploadDirectory, spoolBudget, maxBlobBytes }
    const bodyBudget = new FairBudget({ max: MAX_BODY_BYTES })
    const services = createReapiServices(config, shared, statistics)
    cleanup.defer(() => services[Symbol.asyncDispose]())
    const { actionResults } = services
    const frontends = [
      operationsFrontend({ status: () => serverStatus(statistics, startedAt) }),
      ...createHttpFrontends(config.frontends ?? {}, { ...shared, bodyBudget, actionResults, statistics }),
    ]
    const http2 = new Http2GrpcServer(createGrpcServer(services, config, log), { maxConnections })
    const http = createHttpServer(frontends, maxConnections, log)
    const grpcAddress = await http2.listen(grpcListen)
    cleanup.defer(() => Promise.all([http2.close(drainMs), http.close(drainMs)]))
    const httpAddress = await http.listen(httpListen)
    cleanup.defer(() => services.stopServing())

    let stopping: Promise<void> | undefined
    const stop = (): Promise<void> => (stopping ??= cleanup.unwind())
    return { grpcAddress, httpAddress, dataDirectory, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await cleanup.unwind().catch((failure: unknown) => log.error({ err: failure }, 'cannot undo a failed start'))
    throw error
  }
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
function createGrpcServer(services: ReapiServices, { frontends }: ServerConfig, log: Log): GrpcServer {
  return new GrpcServer({
    methods: frontends?.reapi?.enabled === false ? services.healthMethods : services.methods,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    toGrpcError,
    onCallFailed(path, error, cause) {
      if (error.code === StatusCode.INTERNAL) log.error({ path, err: cause }, 'call failed')
    },
  })
}

function createHttpServer(frontends: readonly HttpFrontend[], maxConnections: number, log: Log): HttpServer {
  const onFailure = ({ method, path }: HttpExchange, error: unknown): void =>
    log.error({ method, path, err: error }, 'request failed')
  return new HttpServer(frontends, { maxConnections, onFailure })
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
