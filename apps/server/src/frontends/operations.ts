import type { HttpFrontend } from './http-frontend.ts'

/** What the people and programs that run the server ask: `/healthz` answers while the server takes requests. */
export function operationsFrontend(): HttpFrontend {
  return {
    route(exchange) {
      if (exchange.path !== '/healthz') return undefined
      exchange.sendText({ status: 200 }, 'ok')
      return Promise.resolve()
    },
  }
}
