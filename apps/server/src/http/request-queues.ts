import type { Socket } from 'node:net'
import type { HttpExchange } from './http-exchange.ts'

/** How many requests a connection may have waiting behind the one that is being answered. */
const MAX_WAITING = 100

/**
 * Has the requests of a connection answered one after the other, as clients that send several without waiting expect (RFC 9112,
 * section 9.3.2). What a connection takes is then what one request takes.
 */
export class RequestQueues {
  /** Those that wait, of each connection that has a request being answered. */
  readonly #waiting = new WeakMap<Socket, (() => void)[]>()

  /** Calls back once the requests before this one are answered; never when the connection has gone by then. */
  run({ request, response }: HttpExchange, answer: () => void): void {
    const { socket } = request
    const waiting = this.#waiting.get(socket)
    const begin = (): void => {
      response.once('close', () => this.#next(socket))
      answer()
    }
    if (waiting === undefined) {
      this.#waiting.set(socket, [])
      begin()
    } else if (waiting.length < MAX_WAITING) {
      waiting.push(begin)
    } else {
      socket.destroy()
    }
  }

  #next(socket: Socket): void {
    const begin = socket.destroyed ? undefined : this.#waiting.get(socket)?.shift()
    if (begin === undefined) this.#waiting.delete(socket)
    else begin()
  }
}
