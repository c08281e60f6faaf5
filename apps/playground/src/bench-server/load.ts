import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { buildProgram } from './go-programs.ts'
import type { RequestFile } from './request-file.ts'

const exec = promisify(execFile)

/** How requests are sent. */
export interface LoadOptions {
  readonly protocol: 'grpc' | 'http'
  /** `host:port`. */
  readonly address: string
  /** How many requests are under way at any time. */
  readonly inFlight: number
  /** Whether the requests start over when all were sent, until the time is over. */
  readonly repeat: boolean
  /** How long new requests are begun, in milliseconds. */
  readonly durationMs: number
  /** Has it begin no further request, as if the time were over. */
  readonly signal?: AbortSignal | undefined
}

/** What the load generator says of a run. */
export interface LoadResult {
  readonly requests: number
  readonly failures: number
  readonly failure?: string | undefined
  readonly sentBytes: number
  readonly receivedBytes: number
  readonly wallUs: number
  readonly p50Us: number
  readonly p99Us: number
}

/** Over so many connections Bazel and its like spread what they have under way. */
const GRPC_CONNECTIONS = 2

/** The program that sends requests: `go/load`. */
export class LoadGenerator {
  readonly #binary: string
  readonly #folder: string
  #runs = 0

  private constructor(binary: string, folder: string) {
    this.#binary = binary
    this.#folder = folder
  }

  /** Builds it in a folder. Rejects when there is no Go, or one that is too old. */
  static async build(folder: string): Promise<LoadGenerator> {
    const { path } = await buildProgram('load', folder)
    return new LoadGenerator(path, folder)
  }

  /** Sends the requests of a file. Rejects when one was not answered as it should be. */
  async run({ path, requests }: RequestFile, { signal, ...how }: LoadOptions): Promise<LoadResult> {
    const { inFlight, protocol } = how
    const connections = protocol === 'grpc' ? Math.min(inFlight, GRPC_CONNECTIONS) : inFlight
    this.#runs += 1
    const plan = join(this.#folder, `plan-${this.#runs}.json`)
    await writeFile(plan, JSON.stringify({ ...how, connections, bodies: path, requests }))
    const running = exec(this.#binary, [plan])
    const end = (): void => void running.child.kill('SIGTERM')
    signal?.addEventListener('abort', end)
    const { stdout } = await running.finally(() => signal?.removeEventListener('abort', end))
    await rm(plan)
    const result = JSON.parse(stdout) as LoadResult
    if (result.failures === 0) return result
    throw new Error(`${result.failures} requests of ${result.requests + result.failures} failed: ${result.failure}`)
  }
}
