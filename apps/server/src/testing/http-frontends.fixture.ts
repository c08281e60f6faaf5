import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FaultPlan } from '@caskade/conformance'
import { FaultyActionCache, FaultyStorage } from '@caskade/conformance'
import type { Backend } from '@caskade/core'
import { EmptyBlobStorage, FairBudget, SpoolBudget, startAll, stopAll } from '@caskade/core'
import { memoryBackend } from '@caskade/memory'
import { ReapiServices } from '@caskade/reapi'
import type { HttpFrontendConfigs } from '../frontends/create-frontends.ts'
import { createHttpFrontends } from '../frontends/create-frontends.ts'
import { HttpServer } from '../http/http-server.ts'
import { Statistics } from '../statistics/statistics.ts'

/** What the frontends under test serve, and how. */
export interface HttpFrontendsOptions {
  /** Default: memory. It is started and stopped with the server. */
  readonly backend?: Backend | undefined
  readonly configs?: HttpFrontendConfigs | undefined
  /** Default: 5 MB. */
  readonly maxBlobBytes?: number | undefined
  /** What the files of bodies may take, in bytes. Default: 1 GB. */
  readonly maxSpoolBytes?: number | undefined
  readonly headersTimeoutMs?: number | undefined
}

/** The frontends of HTTP over a backend, without the rest of the server. */
export interface RunningHttpFrontends extends AsyncDisposable {
  readonly backend: Backend
  readonly url: string
  readonly statistics: Statistics
  /** What went wrong for a reason of ours. */
  readonly failures: readonly unknown[]
  /** The bodies that are on their way in and do not fit in memory. */
  readonly uploads: () => readonly string[]
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>
  readonly put: (path: string, body: Uint8Array | string, headers?: Record<string, string>) => Promise<Response>
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Buffer>
  /** Ends it; may be called more than once. */
  readonly close: () => Promise<void>
}

/** Starts the frontends of HTTP. */
export async function startHttpFrontends(options: HttpFrontendsOptions = {}): Promise<RunningHttpFrontends> {
  const { backend: inner = memoryBackend(), configs = {}, maxBlobBytes = 5_000_000, maxSpoolBytes = 1e9 } = options
  const backend: Backend = { ...inner, storage: new EmptyBlobStorage(inner.storage) }
  await startAll([backend.storage, backend.actionCache])
  const uploadDirectory = mkdtempSync(join(tmpdir(), 'caskade-frontends-'))
  const statistics = new Statistics()
  const failures: unknown[] = []
  const { actionResults } = new ReapiServices({ backend, uploadDirectory })
  const context = {
    backend,
    actionResults,
    uploadDirectory,
    spoolBudget: new SpoolBudget(maxSpoolBytes),
    bodyBudget: new FairBudget({ max: 1e8 }),
    maxBlobBytes,
    statistics,
  }
  const server = new HttpServer(createHttpFrontends(configs, context), {
    maxConnections: 100,
    headersTimeoutMs: options.headersTimeoutMs,
    onFailure: (_, error) => failures.push(error),
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${port}`
  const send = (path: string, init?: RequestInit): Promise<Response> => fetch(url + path, init)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => (closing ??= closeAll())
  const closeAll = async (): Promise<void> => {
    await server.close(1)
    await stopAll([backend.storage, backend.actionCache])
    rmSync(uploadDirectory, { recursive: true })
  }
  return {
    backend,
    url,
    statistics,
    failures,
    uploads: () => readdirSync(uploadDirectory),
    fetch: send,
    put: (path, body, headers = {}) => send(path, { method: 'PUT', body: Buffer.from(body), headers }),
    async get(path, headers = {}) {
      const response = await send(path, { headers })
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
      return Buffer.from(await response.arrayBuffer())
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Sends the head of a PUT, and its body only when it is told to go on. */
export function putAfterContinue(
  url: string,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'PUT', headers: { expect: '100-continue', ...headers } }, (response) =>
      resolve(response.resume()),
    )
    outgoing.on('error', reject)
    outgoing.on('continue', () => outgoing.end(body))
    outgoing.flushHeaders()
  })
}

/** A backend in memory that has a plan interfere with both of its halves. */
export function faultyBackend(): Backend & { setPlan(plan: FaultPlan): void } {
  const inner = memoryBackend()
  const storage = new FaultyStorage(inner.storage)
  const actionCache = new FaultyActionCache(inner.actionCache)
  return {
    storage,
    actionCache,
    setPlan(plan) {
      storage.plan = plan
      actionCache.plan = plan
    },
  }
}
