import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { StoreLimits } from './subjects/limits.ts'
import { maxStoreBytes } from './subjects/limits.ts'

/** A server that is measured. */
export interface SubjectKind {
  readonly name: string
  readonly isOurs: boolean
  /** What it does and leaves out, for who reads the figures. */
  readonly conduct: string
  readonly protocols: readonly ('grpc' | 'http')[]
  /** Operations that it does not have. Default: it has all. */
  readonly lacks?: RegExp | undefined
  /** Resolves to what it is, such as its version; rejects when it cannot be had here, with why. */
  install(folder: string): Promise<string>
  /** How it is started, with its data in `store` in a folder, which is empty unless it has been started there before. */
  command(folder: string, ports: Ports, limits: StoreLimits): Promise<Command>
}

/** Where a server is to listen on 127.0.0.1. */
export interface Ports {
  readonly grpc: number
  readonly http: number
}

/** A program to run. */
interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>> | undefined
}

/** How long a server may take to listen, in milliseconds: one may have to look at millions of files first. */
const START_MS = 600_000

/** The processes that run. */
const running = new Set<ChildProcess>()

/** Ends all servers at once, for who is told to stop in the middle. */
export function endAllSubjects(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** A server as a process of its own; who starts it disposes it. */
export class RunningSubject implements AsyncDisposable {
  readonly kind: SubjectKind
  readonly pid: number
  /** When its process was started, by the clock of `performance.now`. */
  readonly startedMs: number
  readonly #ports: Ports
  readonly #process: ChildProcess

  private constructor(kind: SubjectKind, ports: Ports, child: ChildProcess, startedMs: number) {
    this.kind = kind
    this.pid = child.pid ?? 0
    this.startedMs = startedMs
    this.#ports = ports
    this.#process = child
  }

  /** Starts a server and waits until it listens. What it says goes to a file in the folder. */
  static async start(kind: SubjectKind, folder: string, limits?: StoreLimits): Promise<RunningSubject> {
    const subject = await RunningSubject.spawn(kind, folder, limits)
    try {
      for (const protocol of kind.protocols) await listens(subject.#ports[protocol], subject.#process)
      return subject
    } catch (error) {
      await subject[Symbol.asyncDispose]()
      throw new Error(`${kind.name} does not listen; what it said is in ${logIn(folder)}`, { cause: error })
    }
  }

  /** Starts a server, which may not listen yet. */
  static async spawn(
    kind: SubjectKind,
    folder: string,
    limits: StoreLimits = { maxBytes: maxStoreBytes },
  ): Promise<RunningSubject> {
    const ports = { grpc: await freePort(), http: await freePort() }
    const { program, args, env } = await kind.command(folder, ports, limits)
    const startedMs = performance.now()
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    running.add(child)
    child.once('exit', () => running.delete(child))
    const output = createWriteStream(logIn(folder))
    child.stdout.pipe(output, { end: false })
    child.stderr.pipe(output, { end: false })
    return new RunningSubject(kind, ports, child, startedMs)
  }

  /** Whether it has ended. */
  get isOver(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null
  }

  /** `host:port` of a protocol. */
  address(protocol: 'grpc' | 'http'): string {
    return `127.0.0.1:${this.#ports[protocol]}`
  }

  /** Ends it as a crash would. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end('SIGTERM')
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.isOver) return
    const exited = once(this.#process, 'exit')
    this.#process.kill(signal)
    await exited
  }
}

function logIn(folder: string): string {
  return join(folder, 'log.txt')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  for (const deadline = performance.now() + START_MS; performance.now() < deadline;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    if (await accepts(port)) return
    await setTimeout(20)
  }
  throw new Error('the time is over')
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
