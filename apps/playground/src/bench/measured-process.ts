import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChildMessage, ParentMessage, ProcessOrder } from './messages.ts'

const PROGRAM = join(import.meta.dirname, 'round-process.ts')

/** The process that runs one case for one subject; the one who makes it disposes it, which removes its folder. */
export class MeasuredProcess implements AsyncDisposable {
  readonly subject: string
  /** False when the subject cannot do what the case is about. */
  readonly canRun: boolean
  readonly #process: ChildProcess
  readonly #folder: string

  private constructor(subject: string, canRun: boolean, child: ChildProcess, folder: string) {
    this.subject = subject
    this.canRun = canRun
    this.#process = child
    this.#folder = folder
  }

  /** Starts it and waits until it has stored what the case will ask for. */
  static async start(order: ProcessOrder): Promise<MeasuredProcess> {
    await mkdir(order.folder, { recursive: true })
    const execArgv = ['--conditions=@caskade/source', '--expose-gc', '--no-warnings']
    const child = fork(PROGRAM, [JSON.stringify(order)], { execArgv })
    const ready = await received(child, order.subject)
    return new MeasuredProcess(order.subject, ready.kind === 'ready' && ready.canRun, child, order.folder)
  }

  async ask(message: ParentMessage): Promise<ChildMessage> {
    this.#process.send(message)
    return received(this.#process, this.subject)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null) {
      const exited = once(this.#process, 'exit')
      if (this.#process.connected) this.#process.send({ kind: 'stop' } satisfies ParentMessage)
      await exited
    }
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function received(child: ChildProcess, subject: string): Promise<ChildMessage> {
  const ended = new AbortController()
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`${subject}: its process ended with ${String(code)}`)
  })
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: ended.signal }), exit])) as [ChildMessage]
    return message
  } finally {
    exit.catch(() => undefined)
    ended.abort()
  }
}
