import type { Socket } from 'node:net'
import type { HttpExchange } from './http-exchange.ts'

/** How many requests a connection may have waiting behind the one that is being answered. */
const MAX_WAITING = 100

/** The requests of a connection. */
interface Queue {
  answering: HttpExchange | undefined
  readonly waiting: HttpExchange[]
}

/**
 * Has the requests of a connection answered one after the other, as clients that send several without waiting expect (RFC 9112,
 * section 9.3.2). What a connection takes is then what one request takes.
 */
export class RequestQueues {
  readonly #queues = new WeakMap<Socket, Queue>()
  readonly #answer: (exchange: HttpExchange) => void

  /** `answer` is called for each request once those before it are answered; never when the connection has gone by then. */
  constructor(answer: (exchange: HttpExchange) => void) {
    this.#answer = answer
  }

  add(exchange: HttpExchange): void {
    const { socket } = exchange.request
    let queue = this.#queues.get(socket)
    if (queue === undefined) {
      queue = { answering: undefined, waiting: [] }
      this.#queues.set(socket, queue)
    }
    if (queue.answering === undefined) this.#begin(queue, exchange)
    else if (queue.waiting.length < MAX_WAITING) queue.waiting.push(exchange)
    else socket.destroy()
  }

  /** Notes that a request is answered, or its client gone. */
  remove(exchange: HttpExchange): void {
    const { socket } = exchange.request
    const queue = this.#queues.get(socket)
    if (queue?.answering !== exchange) return
    queue.answering = undefined
    const next = socket.destroyed ? undefined : queue.waiting.shift()
    if (next !== undefined) this.#begin(queue, next)
  }

  #begin(queue: Queue, exchange: HttpExchange): void {
    queue.answering = exchange
    this.#answer(exchange)
  }
}
