import type { HttpExchange } from '../http/http-exchange.ts'
import { methodRefusal } from '../http/http-failure.ts'
import type { HttpFrontend } from './http-frontend.ts'

/** A text, and what kind it is. */
export interface TypedText {
  readonly contentType: string
  readonly text: string
}

/** What the operations frontend tells of. */
export interface OperationsContext {
  /** What there is to say of the server, as JSON. */
  readonly status: () => Promise<unknown>
  /** The same and more, for Prometheus. */
  readonly metrics: () => Promise<TypedText>
}

/**
 * What the people and programs ask that run the server: `/healthz` answers while it takes requests, `/status` says what it has
 * done since it started, `/metrics` the same and more for Prometheus.
 */
export function operationsFrontend({ status, metrics }: OperationsContext): HttpFrontend {
  const answers = new Map<string, (exchange: HttpExchange) => Promise<void> | void>([
    ['/healthz', (exchange) => exchange.sendText({ status: 200 }, 'ok')],
    ['/status', async (exchange) => exchange.sendJson({ status: 200 }, await status())],
    [
      '/metrics',
      async (exchange) => {
        const { contentType, text } = await metrics()
        exchange.sendBody({ status: 200 }, contentType, text)
      },
    ],
  ])
  return {
    name: 'operations',
    route(exchange) {
      const answer = answers.get(exchange.path)
      if (answer === undefined) return undefined
      return {
        instanceName: '',
        access: 'none',
        async answer() {
          const { method } = exchange
          if (method !== 'GET' && method !== 'HEAD') throw methodRefusal(method, 'GET, HEAD')
          await answer(exchange)
        },
      }
    },
  }
}
