import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

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
  /** How it is started, with its data in a folder that is empty. */
  command(folder: string, ports: Ports): Promise<Command>
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

/** How long a server may take to listen, in milliseconds. */
const START_MS = 60_000

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
  readonly #ports: Ports
  readonly #process: ChildProcess

  private constructor(kind: SubjectKind, ports: Ports, child: ChildProcess) {
    this.kind = kind
    this.pid = child.pid ?? 0
    this.#ports = ports
    this.#process = child
  }

  /** Starts a server and waits until it listens. What it says goes to a file in the folder. */
  static async start(kind: SubjectKind, folder: string): Promise<RunningSubject> {
    const ports = { grpc: await freePort(), http: await freePort() }
    const { program, args, env } = await kind.command(folder, ports)
    const log = join(folder, 'log.txt')
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    running.add(child)
    child.once('exit', () => running.delete(child))
    const output = createWriteStream(log)
    child.stdout.pipe(output, { end: false })
    child.stderr.pipe(output, { end: false })
    const subject = new RunningSubject(kind, ports, child)
    try {
      for (const protocol of kind.protocols) await listens(ports[protocol], child)
      return subject
    } catch (error) {
      await subject[Symbol.asyncDispose]()
      throw new Error(`${kind.name} does not listen; what it said is in ${log}`, { cause: error })
    }
  }

  /** `host:port` of a protocol. */
  address(protocol: 'grpc' | 'http'): string {
    return `127.0.0.1:${this.#ports[protocol]}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exited
  }
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
