import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { goTool } from './go-tool.ts'

/** The first version that heeds preconditions in every kind of upload. */
const VERSION = 'v1.56.1'

/** An emulator of Google Cloud Storage by others, running as a process of its own. */
export interface EmulatorProcess extends AsyncDisposable {
  readonly url: string
}

/** Builds the emulator, once for this machine, and starts it with an empty bucket named `bucket`. */
export async function startFakeGcsServer(): Promise<EmulatorProcess> {
  const binary = await goTool('github.com/fsouza/fake-gcs-server', VERSION)
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const where = ['-scheme', 'http', '-host', '127.0.0.1', '-port', String(port)]
  const names = ['-public-host', `127.0.0.1:${port}`, '-external-url', url]
  const child = spawn(binary, [...where, ...names, '-backend', 'memory'], { stdio: 'ignore' })
  await answers(url)
  await createBucket(url, 'bucket')
  return {
    url,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Creates a bucket. */
async function createBucket(url: string, name: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/storage/v1/b`, { method: 'POST', headers, body: JSON.stringify({ name }) })
  if (!response.ok) throw new Error(`no bucket: ${response.status} ${await response.text()}`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answers(url: string): Promise<void> {
  for (const deadline = performance.now() + 30_000; ;) {
    const isUp = await fetch(`${url}/_internal/healthcheck`).then(
      () => true,
      () => false,
    )
    if (isUp) return
    if (performance.now() > deadline) throw new Error('fake-gcs-server does not answer')
  }
}
