import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** The built server, running as a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  /** `host:port` of gRPC. */
  readonly grpc: string
  /** `http://host:port`. */
  readonly http: string
  readonly pid: number
  /** Ends the process in order; resolves to its exit code. */
  stop(): Promise<number | null>
  /** Ends the process as a power failure would, short of the disk's own cache. */
  kill(): Promise<void>
  /** The most memory the process ever had resident, in bytes. */
  peakMemoryBytes(): number
}

/** Starts the built server on free ports, and waits until it says that it is ready. */
export async function startServerProcess(dataDirectory: string, args: readonly string[] = []): Promise<ServerProcess> {
  const ports = ['--listen', '127.0.0.1:0', '--http-listen', '127.0.0.1:0']
  const child = spawn(process.execPath, [cli, 'serve', '--data', dataDirectory, ...ports, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { grpc, http } = await addresses(child)
  const pid = child.pid ?? 0
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    child.kill(signal)
    const [code] = (await once(child, 'exit')) as [number | null]
    return code
  }
  return {
    grpc,
    http,
    pid,
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    peakMemoryBytes: () => memoryOf(pid, 'VmHWM'),
    [Symbol.asyncDispose]: async () => void (await end('SIGTERM')),
  }
}

async function addresses(child: ChildProcess): Promise<{ grpc: string; http: string }> {
  let said = ''
  child.stdout?.setEncoding('utf8')
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    said += String(chunk)
    const [, grpc] = /grpc:\/\/([\d.:]+)/.exec(said) ?? []
    const [, http] = /(http:\/\/[\d.:]+)/.exec(said) ?? []
    if (grpc !== undefined && http !== undefined && said.includes('Ctrl-C')) {
      child.stdout?.resume()
      return { grpc, http }
    }
  }
  throw new Error(`the server did not start: ${said}`)
}

function memoryOf(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const [, kibibytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}
