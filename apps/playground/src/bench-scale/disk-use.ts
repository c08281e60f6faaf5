import { execFile } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'

/** How long to wait between two looks, in milliseconds; and at least for so many times what the last one took. */
const EVERY_MS = 200
const PAUSE_SHARE = 3

/** What a folder takes of the disk in all, in bytes. */
export function diskUseOf(folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    // It fails when a file goes while it looks, and has added up the others.
    execFile('du', ['-s', '--block-size=1', folder], (error, stdout) => {
      const bytes = Number(/^(\d+)/.exec(stdout)?.[1])
      if (Number.isFinite(bytes)) resolve(bytes)
      else reject(error ?? new Error(`du says nothing of ${folder}`))
    })
  })
}

/** Looks from outside, again and again, at what a folder takes of the disk; the one who makes it disposes it. */
export class DiskWatcher implements AsyncDisposable {
  readonly #ended = new AbortController()
  readonly #watching: Promise<void>
  #mostBytes = 0
  #looks = 0

  constructor(folder: string) {
    this.#watching = this.#watch(folder)
    this.#watching.catch(() => undefined)
  }

  get mostBytes(): number {
    return this.#mostBytes
  }

  get looks(): number {
    return this.#looks
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#watching
  }

  async #watch(folder: string): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const began = performance.now()
      this.#mostBytes = Math.max(this.#mostBytes, await diskUseOf(folder))
      this.#looks += 1
      const pauseMs = Math.max(EVERY_MS, PAUSE_SHARE * (performance.now() - began))
      await setTimeout(pauseMs, undefined, { signal: this.#ended.signal }).catch(() => undefined)
    }
  }
}
