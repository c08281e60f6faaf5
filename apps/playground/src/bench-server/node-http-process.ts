import fs from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** What is larger is streamed, in bytes. */
const AT_ONCE_BYTES = 256 * 1024

// Files over HTTP with as little as `node:http` allows: arguments are a folder and a port.
const [folder = '', port = ''] = process.argv.slice(2)
const buffers: Buffer[] = []
let incoming = 0

fs.mkdirSync(folder, { recursive: true })
createServer((request, response) => {
  const answer = request.method === 'PUT' ? put : get
  answer(request, response).catch((error: unknown) => response.destroy(error as Error))
}).listen(Number(port), '127.0.0.1')

async function get({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(url)
  const descriptor = fs.openSync(path, 'r')
  const { size } = fs.fstatSync(descriptor)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size })
  if (size > AT_ONCE_BYTES) {
    await pipeline(fs.createReadStream(path, { fd: descriptor, highWaterMark: AT_ONCE_BYTES }), response)
    return
  }
  const buffer = buffers.pop() ?? Buffer.allocUnsafeSlow(AT_ONCE_BYTES)
  fs.readSync(descriptor, buffer, 0, size, 0)
  fs.closeSync(descriptor)
  response.end(buffer.subarray(0, size), () => buffers.push(buffer))
}

async function put(request: IncomingMessage, response: ServerResponse): Promise<void> {
  incoming += 1
  const temporary = join(folder, `incoming-${incoming}`)
  await pipeline(request, fs.createWriteStream(temporary))
  fs.renameSync(temporary, pathOf(request.url ?? ''))
  response.writeHead(201).end()
}

function pathOf(url: string): string {
  return join(folder, url.slice(url.lastIndexOf('/') + 1))
}
