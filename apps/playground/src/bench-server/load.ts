import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
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
  readonly #plan: string

  private constructor(binary: string, plan: string) {
    this.#binary = binary
    this.#plan = plan
  }

  /** Builds it in a folder. Rejects when there is no Go, or one that is too old. */
  static async build(folder: string): Promise<LoadGenerator> {
    const { path } = await buildProgram('load', folder)
    return new LoadGenerator(path, join(folder, 'plan.json'))
  }

  /** Sends the requests of a file. Rejects when one was not answered as it should be. */
  async run({ path, requests }: RequestFile, options: LoadOptions): Promise<LoadResult> {
    const { inFlight, protocol } = options
    const connections = protocol === 'grpc' ? Math.min(inFlight, GRPC_CONNECTIONS) : inFlight
    await writeFile(this.#plan, JSON.stringify({ ...options, connections, bodies: path, requests }))
    const { stdout } = await exec(this.#binary, [this.#plan])
    const result = JSON.parse(stdout) as LoadResult
    if (result.failures === 0) return result
    throw new Error(`${result.failures} requests of ${result.requests + result.failures} failed: ${result.failure}`)
  }
}
