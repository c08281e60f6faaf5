import type { HttpExchange } from './http-exchange.ts'
import { HttpRefusal } from './http-failure.ts'

/**
 * Refuses what no build tool sends, whatever it is about.
 *
 * Browsers say by `Origin` that a page is behind a request that may change something, or behind one whose answer that page wants
 * to read (WHATWG Fetch, section 3.1). A page of anyone's must not reach the server of whoever looks at it.
 *
 * @throws HttpRefusal 403, 400, 415 or 501.
 */
export function assertAcceptable({ method, headers }: HttpExchange): void {
  if (headers.origin !== undefined) throw new HttpRefusal(403, 'requests of web pages are not answered')
  const coding = headers['transfer-encoding'] ?? 'chunked'
  if (coding.trim().toLowerCase() !== 'chunked') {
    throw new HttpRefusal(
      501,
      `a body in the transfer coding ${JSON.stringify(coding)} cannot be read; send it chunked`,
    )
  }
  if (method !== 'PUT') return
  if (headers['content-range'] !== undefined) {
    throw new HttpRefusal(400, 'parts of what is stored cannot be written; send it whole, without Content-Range')
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new HttpRefusal(415, `content is stored as it is sent; send it without Content-Encoding: ${encoding}`)
  }
}
